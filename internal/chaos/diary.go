package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A diary is what happened, in the order in which it became known.
type diary struct{ lines []string }

// diaryLimit is how many lines are kept.
const diaryLimit = 4000

func (d *diary) note(at time.Time, format string, args ...any) {
	if len(d.lines) >= diaryLimit {
		d.lines = slices.Clone(d.lines[diaryLimit/2:])
	}
	d.lines = append(d.lines, clock(at)+" "+fmt.Sprintf(format, args...))
}

// tail is the last n lines.
func (d *diary) tail(n int) string {
	return strings.Join(d.lines[max(0, len(d.lines)-n):], "\n")
}
