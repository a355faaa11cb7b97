package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The columns that a table can be sorted by, and how.
var orders = []choice[func(a, b *answeredStatus) int]{
	{"link", byLink},
	{"netns", func(a, b *answeredStatus) int { return cmp.Compare(a.Netns, b.Netns) }},
	{"state", func(a, b *answeredStatus) int { return cmp.Compare(a.State, b.State) }},
	{"address", func(a, b *answeredStatus) int { return cmp.Or(noLeaseLast(a, b), compareAddresses(a, b)) }},
	{"expires", func(a, b *answeredStatus) int { return cmp.Or(noLeaseLast(a, b), compareEnds(a, b)) }},
	{"server", func(a, b *answeredStatus) int { return cmp.Or(noLeaseLast(a, b), compareServers(a, b)) }},
}

func setSort(o *options, s string) error {
	_, err := choose(s, orders...)
	o.order = s
	return err
}

func byLink(a, b *answeredStatus) int {
	return cmp.Or(compareNames(a.Interface, b.Interface), cmp.Compare(a.Netns, b.Netns), cmp.Compare(a.PID, b.PID))
}

// noLeaseLast has those without a lease stand behind the others, and together.
func noLeaseLast(a, b *answeredStatus) int {
	switch {
	case (a.Lease == nil) == (b.Lease == nil):
		return 0
	case a.Lease == nil:
		return 1
	}
	return -1
}

func compareAddresses(a, b *answeredStatus) int {
	if a.Lease == nil || b.Lease == nil {
		return 0
	}
	return a.Lease.Address.Compare(b.Lease.Address)
}

func compareServers(a, b *answeredStatus) int {
	if a.Lease == nil || b.Lease == nil {
		return 0
	}
	return a.Lease.Server.Compare(b.Lease.Server)
}

// compareEnds has a lease without end stand behind those that have one.
func compareEnds(a, b *answeredStatus) int {
	switch {
	case a.Lease == nil || b.Lease == nil:
		return 0
	case a.Lease.IsInfinite() != b.Lease.IsInfinite():
		if a.Lease.IsInfinite() {
			return 1
		}
		return -1
	}
	return a.Lease.ExpireAt().Compare(b.Lease.ExpireAt())
}

// sortStatuses puts links in the order that is wanted, if it was said, and those of
// the same place in that of their names.
func (o *options) sortStatuses(all []*answeredStatus) {
	if o.order == "" {
		return
	}
	by, _ := choose(o.order, orders...)
	slices.SortStableFunc(all, func(a, b *answeredStatus) int { return cmp.Or(by(a, b), byLink(a, b)) })
}

// wantsTable says that links are to be a line each: that is how it was asked, or
// they are an agent's and nobody has named one.
func (o *options) wantsTable(all []*answeredStatus) bool {
	return o.order != "" || len(o.links) == 0 && slices.ContainsFunc(all, func(st *answeredStatus) bool { return st.Agent })
}

const (
	// maxCell is the widest that a cell of a table may be, minCell what is left of
	// the namespace where there is no room, and of the last column. maxServer is how
	// wide that would like to be.
	maxCell   = 20
	minCell   = 6
	maxServer = len("255.255.255.255")
	gap       = "  "
)

// table draws a line for each link, and one that counts them.
func (v *view) table(all []*answeredStatus) {
	rows := [][]string{{"LINK", "NETNS", "STATE", "ADDRESS", "EXPIRES", "SERVER"}}
	for _, st := range all {
		rows = append(rows, v.cells(&st.linkStatus))
	}
	widths := make([]int, len(rows[0])-1)
	for _, row := range rows {
		for i := range widths {
			widths[i] = min(max(widths[i], columns(row[i])), maxCell)
		}
	}
	if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[1] != "" }) {
		widths[1] = 0
	} else if lack := maxServer - v.room(widths); lack > 0 {
		widths[1] = max(widths[1]-lack, minCell)
	}
	for i, row := range rows {
		colour := bold
		if i > 0 {
			colour = colourOf(&all[i-1].linkStatus)
		}
		v.tableRow(row, widths, colour)
	}
	v.line(tally(all))
}

// room is what is left of a line for its last column.
func (v *view) room(widths []int) int {
	n := v.width
	for _, width := range widths {
		if width > 0 {
			n -= width + len(gap)
		}
	}
	return n
}

// cells are what a line has: with an address the server, else why there is none.
func (v *view) cells(st *linkStatus) []string {
	row := []string{v.clean(st.Interface), v.clean(st.Netns), v.clean(st.State), "", "", ""}
	l := st.Lease
	if l == nil {
		what, _ := v.headline(st)
		if st.NextTry != nil && st.Reason != "" {
			// What is cut off is not why it has none.
			what = fmt.Sprintf("%s; next try in %s", st.Reason, roughly(st.NextTry.Sub(v.now)+time.Second/2))
		}
		row[5] = v.clean(strings.TrimPrefix(strings.TrimPrefix(what, "no address; "), "no address"))
		return row
	}
	row[3], row[4] = prefix(l), "never"
	if !l.IsInfinite() {
		row[4] = roughly(max(l.Remaining(v.now), 0).Round(time.Second))
	}
	if l.Server.IsValid() {
		row[5] = l.Server.String()
	}
	return row
}

// tableRow draws a line: state and what follows the link in colour, and the last
// cell cut where the line ends.
func (v *view) tableRow(row []string, widths []int, colour string) {
	var b strings.Builder
	for i, width := range widths {
		if width == 0 {
			continue
		}
		text := cutColumns(row[i], width)
		pad := strings.Repeat(" ", width-columns(text)) + gap
		if i == 2 || row[0] == "LINK" {
			text = v.paint(colour, text)
		}
		b.WriteString(text + pad)
	}
	last := cutColumns(row[len(widths)], max(v.room(widths), minCell))
	if row[0] == "LINK" {
		last = v.paint(colour, last)
	}
	v.line(strings.TrimRight(b.String()+last, " "))
}

// cutColumns is s in so many columns: what does not fit is left out.
func cutColumns(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "~"
}

// tally counts the links by their states.
func tally(all []*answeredStatus) string {
	by := map[string]int{}
	for _, st := range all {
		by[st.State]++
	}
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%d %s", by[state], oneLine(state)))
	}
	return several(uint64(len(all)), "link") + ": " + strings.Join(parts, ", ")
}
