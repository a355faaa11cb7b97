package ladder

import (
	"fmt"
	"strings"
	"time"
)

const (
	// clockWidth is that of a row's time, with the gap behind it.
	clockWidth = 10
	// peerWidth is that of a hardware address, with the gap before it.
	peerWidth = 19
	// peerFrom is how wide a terminal must be to have room for the peers.
	peerFrom = 64
	// maxRung is the longest arrow: a longer one is hard to follow.
	maxRung = 100
)

// A frame is where the parts of a row are.
type frame struct {
	pen   *pen
	names int
	width int
}

// left is how wide what stands before the client's line is.
func (f *frame) left() int {
	if f.names == 0 {
		return clockWidth
	}
	return clockWidth + f.names + 1
}

// rung is how wide an arrow is, with both lines that it joins.
func (f *frame) rung() int {
	room := f.width - f.left()
	if f.width >= peerFrom {
		room -= peerWidth
	}
	return min(room, maxRung)
}

// head is what stands over the first row: the time of day, and who is where.
func (f *frame) head(b *strings.Builder, at time.Time, client string) {
	fmt.Fprintf(b, "%s%s\n", clock(0), at.Format("Mon 2006-01-02 15:04:05 MST"))
	const server = "server"
	gap := f.rung() - len(server)
	client = f.pen.cut(f.pen.clean(client), gap-1)
	fmt.Fprintf(b, "%*s%s%*s\n", f.left(), "", client, f.rung()-columns(client), server)
}

// row adds a row with its newline.
func (f *frame) row(b *strings.Builder, at time.Duration, link string, r row) {
	line := clock(at)
	if f.names > 0 {
		line += pad(f.pen.cut(f.pen.clean(link), f.names), f.names) + " "
	}
	text := f.pen.clean(r.text)
	switch r.kind {
	case sent:
		line += f.arrow(text) + f.peer(r.peer)
	case unsent:
		line += f.broken(text, f.pen.clean(r.peer))
	case received:
		line += f.back(text) + f.peer(r.peer)
	default:
		line += f.remark(r.kind, text)
	}
	b.WriteString(strings.TrimRight(f.pen.cut(line, f.width), " "))
	b.WriteByte('\n')
}

// arrow is one to the right, with its text near the client.
func (f *frame) arrow(text string) string {
	p := f.pen
	text = p.cut(text, f.rung()-len("+- ")-len(" ->"))
	dashes := f.rung() - columns(text) - len("+-  >")
	return p.tee + p.dash + " " + text + " " + strings.Repeat(p.dash, dashes) + p.right
}

// back is an arrow to the left, with its text near the server.
func (f *frame) back(text string) string {
	p := f.pen
	text = p.cut(text, f.rung()-len("<- ")-len(" -+"))
	dashes := f.rung() - columns(text) - len("<  -+")
	return p.left + strings.Repeat(p.dash, dashes) + " " + text + " " + p.dash + p.eet
}

// broken is an arrow that does not arrive, and why.
func (f *frame) broken(text, why string) string {
	p := f.pen
	return f.closed(p.tee + p.dash + " " + text + " " + p.dash + p.dash + p.lost + " " + why)
}

// closed is text with the server's line behind it, if there is room.
func (f *frame) closed(text string) string {
	if columns(text) < f.rung()-1 {
		return pad(text, f.rung()-1) + f.pen.bar
	}
	return text
}

// remark is a text beside the client's line, and the server's behind it if there
// is room.
func (f *frame) remark(k kind, text string) string {
	p := f.pen
	mark := p.bar
	switch k {
	case change:
		mark = p.dot
	case warning:
		mark = "!"
	case ignored:
		mark = p.cross
	}
	return f.closed(mark + " " + text)
}

// peer is who is at the right end, where there is room.
func (f *frame) peer(who string) string {
	if f.width < peerFrom || who == "" {
		return ""
	}
	return "  " + f.pen.clean(who)
}

// clock is a time as the first column: seconds, and when there are many, hours
// and days.
func clock(d time.Duration) string {
	switch s := int64(d / time.Second); {
	case s < 10000:
		return fmt.Sprintf("%8.3f  ", d.Seconds())
	case s < 100*3600:
		return fmt.Sprintf("%2d:%02d:%02d  ", s/3600, s/60%60, s%60)
	default:
		return fmt.Sprintf("%2dd%02d:%02d  ", s/86400, s/3600%24, s/60%60)
	}
}

// pad is s with spaces up to n columns.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(n-columns(s), 0))
}
