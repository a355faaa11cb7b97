package ladder

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A pen is what a ladder is drawn with. Each is one column, but to.
type pen struct {
	ascii                        bool
	bar, tee, eet, dash          string
	right, left, lost            string
	dot, cross, to, continuation string
}

func penOf(ascii bool) pen {
	if ascii {
		return pen{true, "|", "+", "+", "-", ">", "<", "x", "*", "x", "->", "~"}
	}
	return pen{false, "│", "├", "┤", "─", "►", "◄", "╳", "●", "×", "→", "…"}
}

// clean is s without what could move a cursor, change the direction of writing
// or take another number of columns than is counted.
func (p *pen) clean(s string) string {
	return strings.Map(func(r rune) rune {
		if width(r) == 0 || p.ascii && r > '~' {
			return '?'
		}
		return r
	}, s)
}

// cut is s in n columns at most.
func (p *pen) cut(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += width(r); used > n-1 {
			return s[:i] + p.continuation
		}
	}
	return s
}

// columns is how many a cleaned text takes.
func columns(s string) (n int) {
	for _, r := range s {
		n += width(r)
	}
	return n
}

// width is how many columns a character takes; 0 for those that are not known to
// take one or two and to stay where they are written.
func width(r rune) int {
	switch {
	case r < ' ' || r == 0x7f:
		return 0
	case r < 0x7f:
		return 1
	case r == unicode.ReplacementChar:
		return 0
	case r < 0x300, r >= 0x370 && r < 0x590: // Latin, Greek, Cyrillic, Armenian
		if unicode.IsPrint(r) && !unicode.IsMark(r) {
			return 1
		}
		return 0
	case r >= 0x2190 && r < 0x2194, r >= 0x2500 && r < 0x2600, r == '…': // what a pen has
		return 1
	case r >= 0x3041 && r < 0x3097, r >= 0x30a1 && r < 0x30fb, r >= 0x3400 && r < 0xa000, r >= 0xac00 && r < 0xd7a4:
		return 2 // Kana, Han, Hangul
	}
	return 0
}

// span is d as people say it: 12h, 1d12h, 1m30s, 1.5s.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= lease.Infinite:
		return "ever"
	case d.Abs() > 10*time.Second:
		d = d.Round(time.Second)
	default:
		d = d.Round(time.Millisecond)
	}
	if d >= day {
		rest := ""
		if d%day != 0 {
			rest = span(d % day)
		}
		return fmt.Sprintf("%dd%s", d/day, rest)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
