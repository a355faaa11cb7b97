package inherit

import (
	"errors"
	"fmt"
	"strings"
)

// assignments reads lines NAME=VALUE, where VALUE is what a shell takes for plain
// text: letters, digits and ._:/- as they are, the rest between apostrophes or,
// outside of them, behind a backslash. Nothing else is text.
func assignments(text []byte) (map[string]string, error) {
	if len(text) > MaxFile {
		return nil, fmt.Errorf("it is longer than %d octets", MaxFile)
	}
	vars := map[string]string{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || !isName(name) {
			return nil, fmt.Errorf("line %d: it does not begin with a name and =", n)
		}
		value, err := unquote(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n, name, err)
		}
		if before, ok := vars[name]; ok && before != value {
			return nil, fmt.Errorf("line %d: %s has another value before", n, name)
		}
		vars[name] = value
	}
	return vars, nil
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c == '_' || isLetter(c) || i > 0 && isDigit(c)) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// unquote is the text that a value stands for.
func unquote(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				return "", errors.New("an apostrophe is not closed")
			}
			b.WriteString(s[i+1 : i+1+end])
			i += end + 1
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case isLetter(c) || isDigit(c) || strings.IndexByte("._:/-", c) >= 0:
			b.WriteByte(c)
		default:
			return "", fmt.Errorf("%q is outside of apostrophes", c)
		}
	}
	return b.String(), nil
}
