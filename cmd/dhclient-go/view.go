package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/ladder"
)

// A view draws what a person looks at, as wide as the terminal is.
type view struct {
	b      strings.Builder
	width  int
	colour bool
	pen    viewPen
	now    time.Time
	zone   *time.Location
}

// A viewPen is what is drawn with; each is one column, but for the words.
type viewPen struct {
	ascii                       bool
	over, left, mark, now       string
	begin, end, to, more, times string
}

var (
	boxPen   = viewPen{false, "━", "─", "┼", "●", "├", "┤", " → ", "…", "×"}
	asciiPen = viewPen{true, "=", "-", "+", "o", "|", "|", " -> ", "~", "x"}
)

// The least and the most that a line has.
const (
	minWidth = 40
	maxWidth = 120
)

func newView(w io.Writer) *view {
	v := &view{pen: boxPen, now: time.Now().Round(0), zone: time.Local}
	f, _ := w.(*os.File)
	if f == nil {
		f = os.Stdout
	}
	v.width = min(max(ladder.Width(f, os.Getenv), minWidth), maxWidth)
	v.colour = hasColour(f, os.Getenv)
	if ladder.ASCIIOnly(os.Getenv) {
		v.pen = asciiPen
	}
	return v
}

// hasColour says that f is a terminal whose user wants colour (no-color.org).
func hasColour(f *os.File, getenv func(string) string) bool {
	if term := getenv("TERM"); getenv("NO_COLOR") != "" || term == "" || term == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// flush writes what was drawn.
func (v *view) flush(w io.Writer) error {
	_, err := io.WriteString(w, v.b.String())
	v.b.Reset()
	return err
}

// The colours (ECMA-48, SGR).
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint is s in a colour, where there is any.
func (v *view) paint(colour, s string) string {
	if !v.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// clean is s without what could move a cursor or take another number of columns
// than is counted.
func (v *view) clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= ' ' && r <= '~':
			return r
		case r >= 0xa1 && r < 0x250 && unicode.IsPrint(r) && !v.pen.ascii:
			return r
		}
		return '?'
	}, s)
}

// columns is how many a text takes that is clean, or drawn by the pen.
func columns(s string) int { return utf8.RuneCountInString(s) }

// wrap is text in lines of n columns at most. Words are kept, unless one alone is
// longer.
func wrap(text string, n int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case columns(line)+1+columns(word) <= n:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
		for columns(line) > n {
			r := []rune(line)
			lines = append(lines, string(r[:n]))
			line = string(r[n:])
		}
	}
	if line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// keyColumns is where the text behind a key begins.
const keyColumns = 13

// row writes a key and texts behind it, each on lines of its own.
func (v *view) row(key string, texts ...string) {
	for _, text := range texts {
		for _, line := range wrap(v.clean(text), v.width-keyColumns) {
			v.line(fmt.Sprintf("  %-*s%s", keyColumns-2, key, line))
			key = ""
		}
	}
}

// line writes a line that is clean.
func (v *view) line(s string) {
	v.b.WriteString(strings.TrimRight(s, " "))
	v.b.WriteByte('\n')
}

// clock is a time of day, with the day if that is not about now.
func (v *view) clock(at time.Time, layout string) string {
	at = at.In(v.zone)
	switch d := at.Sub(v.now).Abs(); {
	case d < 20*time.Hour:
		return at.Format(layout)
	case d < 300*24*time.Hour:
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006")
}

// roughly is d in the two units that a person reads: 2d3h, 1h5m, 41m, 12s.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	two := func(unit, part time.Duration, u, p string) string {
		if rest := d % unit / part; rest > 0 {
			return fmt.Sprintf("%d%s%d%s", d/unit, u, rest, p)
		}
		return fmt.Sprintf("%d%s", d/unit, u)
	}
	switch {
	case d >= 10*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= day:
		return two(day, time.Hour, "d", "h")
	case d >= time.Hour:
		return two(time.Hour, time.Minute, "h", "m")
	case d >= 10*time.Minute:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d >= time.Minute:
		return two(time.Minute, time.Second, "m", "s")
	}
	return fmt.Sprintf("%ds", max(d, 0)/time.Second)
}
