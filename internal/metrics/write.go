package metrics

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ContentType is that of an exposition, for who serves it by HTTP.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// An encoder writes samples. The heading of a family stands before its first.
type encoder struct {
	b      []byte
	family *Family
	begun  bool
}

// Text is the exposition of all reports. No series stands there twice, which would
// have the whole be refused: processes that are called the same are one, and of
// two that serve the same link, as when it is taken over, the one with a lease
// counts.
func Text(reports []*Report) []byte {
	reports = distinct(reports)
	e := &encoder{}
	for i := range families {
		e.family, e.begun = &families[i], false
		for _, r := range reports {
			e.family.write(e, r)
		}
	}
	return e.b
}

type name struct{ name, netns string }

// distinct merges what is called the same.
func distinct(reports []*Report) (out []*Report) {
	processes, links := map[name]*Report{}, choose(reports)
	for _, given := range reports {
		id := name{given.Process, given.Netns}
		r := processes[id]
		if r == nil {
			r = &Report{Process: given.Process, Netns: given.Netns, Version: given.Version, Go: given.Go, Started: given.Started}
			processes[id] = r
			out = append(out, r)
		}
		if given.Started.Before(r.Started) {
			r.Started = given.Started
		}
		r.Add(&given.Totals)
		for i := range given.Links {
			if l := &given.Links[i]; links[name{l.Interface, l.Netns}] == l {
				r.Links = append(r.Links, *l)
			}
		}
	}
	for _, r := range out {
		slices.SortFunc(r.Links, func(a, b Link) int {
			return cmp.Or(cmp.Compare(a.Netns, b.Netns), cmp.Compare(a.Interface, b.Interface))
		})
	}
	slices.SortFunc(out, func(a, b *Report) int {
		return cmp.Or(cmp.Compare(a.Netns, b.Netns), cmp.Compare(a.Process, b.Process))
	})
	return out
}

// choose finds which of those links counts that are called the same.
func choose(reports []*Report) map[name]*Link {
	links := map[name]*Link{}
	for _, r := range reports {
		for i := range r.Links {
			l := &r.Links[i]
			id := name{l.Interface, l.Netns}
			if best := links[id]; best == nil || l.Held && !best.Held {
				links[id] = l
			}
		}
	}
	return links
}

// sample writes a line, with the values of the family's labels and, for a bucket,
// that of le behind them.
func (e *encoder) sample(suffix string, labels []string, value float64) {
	if !e.begun {
		e.begun = true
		e.b = fmt.Appendf(e.b, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", e.family.Name, e.family.Help, e.family.Type)
	}
	e.b = append(append(e.b, e.family.Name...), suffix...)
	for i, v := range labels {
		e.b = append(e.b, "{,"[min(i, 1)])
		name := "le"
		if i < len(e.family.Labels) {
			name = e.family.Labels[i]
		}
		e.b = append(append(e.b, name...), '=', '"')
		e.b = append(appendLabel(e.b, v), '"')
	}
	e.b = append(e.b, "} "...)
	e.b = append(append(e.b, format(value)...), '\n')
}

// appendLabel escapes a label's value. The kernel allows names of links that are
// no UTF-8, which the format does not.
func appendLabel(b []byte, s string) []byte {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\\\"\n") {
		return append(b, s...)
	}
	for _, r := range asUTF8(s) {
		switch r {
		case '\\':
			b = append(b, `\\`...)
		case '"':
			b = append(b, `\"`...)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// asUTF8 writes octets that are none as \xff.
func asUTF8(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// format is a number as the format has it.
func format(v float64) string {
	if v == float64(int64(v)) && v < 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'f', -1, 64) // +Inf is that of the format
}
