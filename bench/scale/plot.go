package scale

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
)

// Sizes of the plot, in pixels: two panels side by side, each with the names of
// its lines at their ends.
const (
	panelWidth, panelHeight = 250, 300
	marginLeft, marginTop   = 56, 40
	labelRoom               = 170
	labelGap                = 14 // between the base lines of two names
	plotHeight              = marginTop + panelHeight + 46
	panelPitch              = marginLeft + panelWidth + labelRoom
)

// colours are told apart also by those who see fewer of them.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6a3d9a", "#e69f00"}

// A curve is one client in one panel.
type curve struct {
	name   string
	kind   string
	colour string
	points [][2]float64 // links, value
}

// A panel is a plot of one figure against the number of links.
type panel struct {
	title  string
	left   float64
	curves []curve
	x, y   [2]float64 // the logarithms at the borders
}

// Plot draws time and memory against the number of links, both on logarithmic
// scales, as SVG. A client that had not all links in time has no point.
func (r *Result) Plot() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d"`+
		` font-family="sans-serif" font-size="12">`+"\n"+`<rect width="100%%" height="100%%" fill="white"/>`+"\n", 2*panelPitch, plotHeight)
	time := panel{title: "seconds until all links have an address", left: marginLeft,
		curves: r.curves(func(row Row) float64 { return row.Seconds })}
	memory := panel{title: "anonymous memory, MiB", left: marginLeft + panelPitch,
		curves: r.curves(func(row Row) float64 { return float64(row.Anon) / 1024 })}
	for _, p := range []*panel{&time, &memory} {
		p.draw(&b)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// curves are those of all clients that have a figure.
func (r *Result) curves(figure func(Row) float64) (all []curve) {
	colour := map[string]string{}
	for _, row := range r.Rows {
		if row.Kind != "floor" && colour[row.Client] == "" {
			colour[row.Client] = colours[len(colour)%len(colours)]
		}
		v := figure(row)
		if v <= 0 || row.Bound < row.Links || row.Kind == "floor" && row.Client != r.Rows[0].Client {
			continue // of the replays one is enough
		}
		i := slices.IndexFunc(all, func(c curve) bool { return c.name == row.Client })
		if i < 0 {
			i = len(all)
			all = append(all, curve{name: row.Client, kind: row.Kind, colour: cmp.Or(colour[row.Client], "#777777")})
		}
		all[i].points = append(all[i].points, [2]float64{float64(row.Links), v})
	}
	return all
}

// draw draws a panel; one without figures is left empty.
func (p *panel) draw(b *bytes.Buffer) {
	if len(p.curves) == 0 {
		return
	}
	p.scale()
	fmt.Fprintf(b, `<text x="%.0f" y="22" font-weight="bold">%s</text>`+"\n", p.left, p.title)
	p.axes(b)
	for _, c := range p.curves {
		p.line(b, c)
	}
	p.names(b)
}

// scale fits the borders to the figures.
func (p *panel) scale() {
	p.x, p.y = [2]float64{math.Inf(1), math.Inf(-1)}, [2]float64{math.Inf(1), math.Inf(-1)}
	for _, c := range p.curves {
		for _, at := range c.points {
			for border, v := range map[*[2]float64]float64{&p.x: math.Log10(at[0]), &p.y: math.Log10(at[1])} {
				border[0], border[1] = min(border[0], v), max(border[1], v)
			}
		}
	}
	for _, border := range []*[2]float64{&p.x, &p.y} {
		room := max(0.04*(border[1]-border[0]), 0.02)
		border[0], border[1] = border[0]-room, border[1]+room
	}
}

// place is where a point of the logarithms is.
func (p *panel) place(x, y float64) (px, py float64) {
	return p.left + panelWidth*(x-p.x[0])/(p.x[1]-p.x[0]), marginTop + panelHeight*(p.y[1]-y)/(p.y[1]-p.y[0])
}

// axes draws the frame, and lines at 1, 2 and 5 times each power of ten, but at
// the numbers of links there were.
func (p *panel) axes(b *bytes.Buffer) {
	const bottom = marginTop + panelHeight
	fmt.Fprintf(b, `<rect x="%.0f" y="%d" width="%d" height="%d" fill="none" stroke="#999"/>`+"\n", p.left, marginTop, panelWidth, panelHeight)
	for exponent := math.Floor(p.y[0]); exponent <= p.y[1]; exponent++ {
		for _, step := range []float64{1, 2, 5} {
			v := step * math.Pow(10, exponent)
			if l := math.Log10(v); l >= p.y[0] && l <= p.y[1] {
				_, y := p.place(0, l)
				fmt.Fprintf(b, `<path d="M%.0f %.1fh%d" stroke="#ddd"/><text x="%.0f" y="%.1f" text-anchor="end">%g</text>`+"\n",
					p.left, y, panelWidth, p.left-6, y+4, v)
			}
		}
	}
	var sizes []float64
	for _, c := range p.curves {
		for _, at := range c.points {
			sizes = append(sizes, at[0])
		}
	}
	slices.Sort(sizes)
	for _, n := range slices.Compact(sizes) {
		x, _ := p.place(math.Log10(n), 0)
		fmt.Fprintf(b, `<path d="M%.1f %dv%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			x, marginTop, panelHeight, x, bottom+18, n)
	}
	fmt.Fprintf(b, `<text x="%.0f" y="%d" text-anchor="middle">links</text>`+"\n", p.left+panelWidth/2, bottom+36)
}

// line draws a curve: ours is thick, and the floor is broken.
func (p *panel) line(b *bytes.Buffer, c curve) {
	style := map[string]string{"ours": ` stroke-width="3"`, "floor": ` stroke-width="1.5" stroke-dasharray="5 3"`, "peer": ` stroke-width="1.5"`}[c.kind]
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s"%s points="`, c.colour, style)
	for _, at := range c.points {
		x, y := p.place(math.Log10(at[0]), math.Log10(at[1]))
		fmt.Fprintf(b, "%.1f,%.1f ", x, y)
	}
	b.WriteString(`"/>`)
	for _, at := range c.points {
		x, y := p.place(math.Log10(at[0]), math.Log10(at[1]))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x, y, c.colour)
	}
	b.WriteString("\n")
}

// names writes each name beside the last point of its curve, moved apart where
// they would meet, with a line to the point.
func (p *panel) names(b *bytes.Buffer) {
	type label struct {
		curve
		x, y, at float64
	}
	var all []label
	for _, c := range p.curves {
		last := c.points[len(c.points)-1]
		x, y := p.place(math.Log10(last[0]), math.Log10(last[1]))
		all = append(all, label{c, x, y, y})
	}
	slices.SortFunc(all, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i := range all {
		if i > 0 {
			all[i].at = max(all[i].at, all[i-1].at+labelGap)
		}
	}
	if over := all[len(all)-1].at - (marginTop + panelHeight); over > 0 {
		for i := range all {
			all[i].at -= over
		}
	}
	for _, l := range all {
		var name bytes.Buffer
		_ = xml.EscapeText(&name, []byte(l.name)) // a bytes.Buffer takes everything
		right := p.left + panelWidth
		fmt.Fprintf(b, `<path d="M%.1f %.1fL%.0f %.1f" stroke="%s" stroke-width="0.5"/>`, l.x, l.y, right+10, l.at, l.colour)
		fmt.Fprintf(b, `<text x="%.0f" y="%.1f" fill="%s">%s</text>`+"\n", right+13, l.at+4, l.colour, name.Bytes())
	}
}
