package peers

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
)

// What stands between these is made by the program.
const (
	begin = "<!-- made by make peers: begin -->\n"
	end   = "<!-- made by make peers: end -->\n"
)

// String is the sheet in Markdown.
func (s *sheet) String() string {
	var b strings.Builder
	b.WriteString("| client | version | rows met |\n|---|---|---|\n")
	for _, c := range s.columns {
		if c.err != nil {
			fmt.Fprintf(&b, "| %s | not measured: %v | |\n", c.peer, c.err)
			continue
		}
		met, of := s.met(c.peer)
		fmt.Fprintf(&b, "| %s | %s | %d of %d |\n", c.peer, c.version, met, of)
	}
	for _, g := range hostile.Table() {
		s.group(&b, g)
	}
	return b.String()
}

// met counts the rows without a fault.
func (s *sheet) met(peer string) (met, of int) {
	for k, c := range s.cells {
		if k[0] != peer {
			continue
		}
		of++
		if c.faults == 0 {
			met++
		}
	}
	return met, of
}

func (s *sheet) group(b *strings.Builder, g hostile.Group) {
	fmt.Fprintf(b, "\n### %s\n\n| what the server does | rows |", g.Title)
	rule := "|---|---|"
	for _, c := range s.columns {
		if c.err == nil {
			fmt.Fprintf(b, " %s |", c.peer)
			rule += "---|"
		}
	}
	fmt.Fprintf(b, "\n%s\n", rule)
	for _, row := range g.Rows {
		fmt.Fprintf(b, "| %s | %s |", title(row), strings.Join(row.IDs, ", "))
		for _, c := range s.columns {
			if c.err == nil {
				fmt.Fprintf(b, " %s |", s.cells[[3]string{c.peer, g.Title, row.Name}])
			}
		}
		b.WriteString("\n")
	}
}

// title is the first column.
func title(r hostile.Row) string { return "**" + r.Name + "**: " + r.About }

// String is + or -, and in a few words why.
func (c cell) String() string {
	switch {
	case c.runs == 0:
		return ""
	case c.faults == 0:
		return "+"
	}
	text := "- " + strings.ReplaceAll(strings.Join(c.saw, "; "), "10.99.0.", ".")
	if c.faults < c.runs {
		text += fmt.Sprintf(" (%d of %d runs)", c.faults, c.runs)
	}
	return strings.ReplaceAll(text, "|", "/")
}

// into replaces the table in a file.
func (s *sheet) into(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table", path)
	}
	return os.WriteFile(path, []byte(before+begin+"\n"+s.String()+"\n"+end+after), 0o644)
}

func TestCell(t *testing.T) {
	for want, c := range map[string]cell{
		"":                                 {},
		"+":                                {runs: 1},
		"- .50/24 on the link; 3 DISCOVER": {runs: 3, faults: 3, saw: []string{"10.99.0.50/24 on the link", "3 DISCOVER"}},
		"- 3 DISCOVER (1 of 3 runs)":       {runs: 3, faults: 1, saw: []string{"3 DISCOVER"}},
	} {
		if got := c.String(); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}
