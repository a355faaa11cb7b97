package isc

import (
	"bytes"
	"fmt"
)

// A kind is what a token is.
type kind uint8

const (
	atEOF   kind = iota
	aString      // in quotes; text is what they hold, escapes replaced
	aWord        // a name or number: letters, digits, - and _
	aMark        // any other character
)

// A token is the smallest part of a file.
type token struct {
	kind       kind
	text       string
	line       int
	start, end int // where it stands in the source
	// note is the last comment before it that begins with notePrefix, and
	// noteAt where that stands.
	note   string
	noteAt int
}

// is says that t is the mark or word s, in any case.
func (t token) is(s string) bool {
	return (t.kind == aWord || t.kind == aMark) && equalFold(t.text, s)
}

// String is the token for a message: short, and printable.
func (t token) String() string {
	if t.kind == atEOF {
		return "the end of the file"
	}
	s := t.text
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return fmt.Sprintf("%q", s)
}

// equalFold compares ASCII without regard to case: keywords are (dhclient.conf(5)).
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// An Error is what makes a file unreadable, and where.
type Error struct {
	File string
	Line int
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// A lexer cuts a file into tokens.
type lexer struct {
	file string
	src  []byte
	at   int
	line int
	// note and noteAt are for the token to come.
	note   string
	noteAt int
}

func newLexer(file string, src []byte) lexer { return lexer{file: file, src: src, line: 1} }

// next returns the next token. The only error is a string without an end.
func (l *lexer) next() (token, error) {
	l.note = ""
	l.space()
	t := token{line: l.line, start: l.at, note: l.note, noteAt: l.noteAt}
	if l.at == len(l.src) {
		t.end = l.at
		return t, nil
	}
	c := l.src[l.at]
	switch {
	case c == '"':
		text, err := l.quoted()
		if err != nil {
			return t, err
		}
		t.kind, t.text = aString, text
	case isWord(c):
		for l.at < len(l.src) && isWord(l.src[l.at]) {
			l.at++
		}
		t.kind, t.text = aWord, string(l.src[t.start:l.at])
	default:
		l.at++
		t.kind, t.text = aMark, string(c)
	}
	t.end = l.at
	return t, nil
}

// space passes blanks and comments.
func (l *lexer) space() {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\n':
			l.line++
		case c == '#':
			l.comment()
			continue
		case c != ' ' && (c < '\t' || c > '\r'):
			return
		}
		l.at++
	}
}

// notePrefix begins the comments that Store reads back.
const notePrefix = "# dhclient-go "

// comment passes a comment, up to the end of its line.
func (l *lexer) comment() {
	begin := l.at
	for l.at < len(l.src) && l.src[l.at] != '\n' {
		l.at++
	}
	if c := l.src[begin:l.at]; bytes.HasPrefix(c, []byte(notePrefix)) {
		l.note, l.noteAt = string(c[len(notePrefix):]), begin
	}
}

// isWord says that c is part of a name or number. A number may begin with -.
func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_'
}

// quoted reads a string, which may go over lines.
func (l *lexer) quoted() (string, error) {
	begin := l.line
	var out []byte
	for l.at++; l.at < len(l.src); {
		c := l.src[l.at]
		l.at++
		switch c {
		case '"':
			return string(out), nil
		case '\n':
			l.line++
		case '\\':
			if l.at < len(l.src) {
				c = l.escape()
			}
		}
		out = append(out, c)
	}
	return "", &Error{l.file, begin, "a string that begins here has no end"}
}

// escape reads what follows a backslash: \t \r \n \b, \nnn in octal, \xHH, or
// the character itself.
func (l *lexer) escape() byte {
	c := l.src[l.at]
	l.at++
	switch c {
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'n':
		return '\n'
	case 'b':
		return '\b'
	case '0', '1', '2', '3':
		return l.digits(c-'0', 8, 2)
	case 'x':
		return l.digits(0, 16, 2)
	case '\n':
		l.line++
	}
	return c
}

// digits goes on with v by at most n digits of the base.
func (l *lexer) digits(v byte, base, n int) byte {
	for ; n > 0 && l.at < len(l.src); n-- {
		d := digit(l.src[l.at])
		if d >= base {
			break
		}
		v = v*byte(base) + byte(d)
		l.at++
	}
	return v
}

// digit is the value of a hexadecimal digit, 16 for none.
func digit(c byte) int {
	switch c = lower(c); {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return 16
}
