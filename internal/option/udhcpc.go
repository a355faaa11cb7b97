package option

import (
	"encoding/hex"
	"strings"
)

// ParseUdhcpc reads the value that the flag -x of udhcpc has behind an option's
// name: texts, numbers and addresses as they are, lists with commas or blanks
// between them, and the octets of an option without a name in hexadecimal, or as
// a text in quotes of either kind.
func (r Row) ParseUdhcpc(s string) ([]byte, error) {
	if f, ok := formats[r.Kind]; ok && r.Udhcpc != "" {
		return r.join(f, listOf(s, f.many))
	}
	switch {
	case r.Udhcpc == "":
	case r.Kind == Names:
		return r.parseNames(strings.Join(listOf(s, true), ","))
	case r.Kind == Text || r.Kind == HostName || r.Kind == DomainName || r.Name == "vendor-class-identifier":
		if s == "" {
			return nil, r.bad("has no value")
		}
		return []byte(s), nil
	}
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') {
		return []byte(strings.TrimSuffix(s[1:], s[:1])), nil
	}
	v, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(s))
	if err != nil || len(v) == 0 {
		return nil, r.bad("%.40q is neither octets like 0102 nor a text in quotes", s)
	}
	return v, nil
}

func listOf(s string, many bool) []string {
	if !many {
		return []string{s}
	}
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}
