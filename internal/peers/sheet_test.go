package peers

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
)

// What stands between these is made by the program.
const (
	begin = "<!-- made by make peers: begin -->\n"
	end   = "<!-- made by make peers: end -->\n"
)

// A sheet is the table of the document: a text for each row and peer.
type sheet struct {
	columns []column
	mu      sync.Mutex
	cells   map[place]string
}

type place struct{ group, title, peer string }

type column struct {
	peer, version string
	err           error
}

func (s *sheet) set(g hostile.Group, r hostile.Row, peer string, c cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells[place{g.Title, title(r), peer}] = c.String()
}

// title is the first column.
func title(r hostile.Row) string { return "**" + r.Name + "**: " + r.About }

// String is the sheet in Markdown.
func (s *sheet) String() string {
	var b strings.Builder
	b.WriteString("| client | version | rows met |\n|---|---|---|\n")
	for _, c := range s.columns {
		if c.err != nil {
			fmt.Fprintf(&b, "| %s | not measured: %v | |\n", c.peer, c.err)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.peer, c.version, s.met(c.peer))
	}
	for _, g := range hostile.Table() {
		fmt.Fprintf(&b, "\n### %s\n\n", g.Title)
		s.line(&b, "what the server does", "rows", func(peer string) string { return peer })
		s.line(&b, "---", "---", func(string) string { return "---" })
		for _, r := range g.Rows {
			s.line(&b, title(r), strings.Join(r.IDs, ", "), func(peer string) string { return s.cells[place{g.Title, title(r), peer}] })
		}
	}
	return b.String()
}

// line is one line with a cell for each peer that there is.
func (s *sheet) line(b *strings.Builder, first, second string, cell func(peer string) string) {
	fmt.Fprintf(b, "| %s | %s |", first, second)
	for _, c := range s.columns {
		if c.err == nil {
			fmt.Fprintf(b, " %s |", cell(c.peer))
		}
	}
	b.WriteString("\n")
}

// met counts the rows that a peer met.
func (s *sheet) met(peer string) string {
	met, of := 0, 0
	for _, g := range hostile.Table() {
		for _, r := range g.Rows {
			text := s.cells[place{g.Title, title(r), peer}]
			if text != "" {
				of++
			}
			if strings.HasPrefix(text, "+") {
				met++
			}
		}
	}
	return fmt.Sprintf("%d of %d", met, of)
}

// read takes the cells of a table that stands in a document: rows that are not
// measured now keep what was measured before.
func (s *sheet) read(doc string) {
	var group string
	var head []string
	for line := range strings.Lines(doc) {
		line = strings.TrimSpace(line)
		if t, ok := strings.CutPrefix(line, "### "); ok {
			group = t
		}
		f := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		switch {
		case f[0] == "what the server does":
			head = f
		case len(f) != len(head) || !strings.HasPrefix(f[0], "**"):
		default:
			for i, text := range f[2:] {
				s.cells[place{group, f[0], head[i+2]}] = text
			}
		}
	}
}

// into replaces the table in a document.
func (s *sheet) into(doc string) (string, error) {
	before, rest, ok := strings.Cut(doc, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("no place for the table between %q and %q", begin, end)
	}
	return before + begin + "\n" + s.String() + "\n" + end + after, nil
}

// twoFaults are enough for a cell: what follows is a consequence, most often.
const twoFaults = 2

// A cell is what became of a row.
type cell struct {
	runs, faults int
	// saw is what was seen when it failed first, twoFaults at most.
	saw []string
}

// and adds a run.
func (c cell) and(d cell) cell {
	c.runs, c.faults = c.runs+d.runs, c.faults+d.faults
	return c
}

// String is + or -, as most runs have it, and in a few words why.
func (c cell) String() string {
	switch {
	case c.faults == 0:
		return "+"
	case 2*c.faults < c.runs:
		return fmt.Sprintf("+ (%d of %d runs)", c.runs-c.faults, c.runs)
	}
	text := "- " + strings.ReplaceAll(strings.Join(c.saw[:min(len(c.saw), twoFaults)], "; "), "10.99.0.", ".")
	if c.faults < c.runs {
		text += fmt.Sprintf(" (%d of %d runs)", c.faults, c.runs)
	}
	return strings.ReplaceAll(text, "|", "/")
}

func TestCell(t *testing.T) {
	for want, c := range map[string]cell{
		"+":                                {runs: 1},
		"- .50/24 on the link; 3 DISCOVER": {runs: 3, faults: 3, saw: []string{"10.99.0.50/24 on the link", "3 DISCOVER", "no address"}},
		"- 3 DISCOVER (2 of 3 runs)":       {runs: 3, faults: 2, saw: []string{"3 DISCOVER"}},
		"+ (2 of 3 runs)":                  {runs: 3, faults: 1, saw: []string{"3 DISCOVER"}},
	} {
		if got := c.String(); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}

// A sheet reads what it has written.
func TestSheet(t *testing.T) {
	g := hostile.Table()[0]
	columns := []column{{peer: "a", version: "1"}, {peer: "b", version: "2"}}
	s := &sheet{columns: columns, cells: map[place]string{}}
	s.set(g, g.Rows[0], "a", cell{runs: 1})
	s.set(g, g.Rows[1], "b", cell{runs: 3, faults: 3, saw: []string{"x"}})
	doc, err := s.into("before\n" + begin + "what was there\n" + end + "after\n")
	if err != nil {
		t.Fatal(err)
	}
	again := &sheet{columns: columns, cells: map[place]string{}}
	again.read(doc)
	same, err := again.into(doc)
	if err != nil {
		t.Fatal(err)
	}
	if same != doc || !strings.HasPrefix(doc, "before\n") || !strings.HasSuffix(doc, end+"after\n") {
		t.Errorf("wrote\n%s\nand then\n%s", doc, same)
	}
	for _, want := range []string{"| a | 1 | 1 of 1 |\n", "| b | 2 | 0 of 1 |\n", "| + |  |\n", "|  | - x |\n"} {
		if !slices.Contains(strings.SplitAfter(doc, "\n"), want) && !strings.Contains(doc, want) {
			t.Errorf("no %q in\n%s", want, doc)
		}
	}
}

// The document has a line for each row of the table: one that was added since is
// to be measured, which make peers does.
func TestDocument(t *testing.T) {
	b, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	s := &sheet{cells: map[place]string{}}
	s.read(string(b))
	for _, g := range hostile.Table() {
		for _, r := range g.Rows {
			if text := s.cells[place{g.Title, title(r), peers("")[0].name}]; !strings.HasPrefix(text, "+") {
				t.Errorf("docs/conformance.md says of us at %q, %q: %q", g.Title, r.Name, text)
			}
		}
	}
}
