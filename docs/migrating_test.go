package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/cmd/dhclient-go/dhclientargs"
	"github.com/dhclient-go/dhclient-go/cmd/dhclient-go/udhcpcargs"
)

// A habit is a row of a table of migrating.md: its cells, by the heads of their
// columns.
type habit struct {
	cells map[string]string
	line  int
}

// readHabits returns the rows of every table of migrating.md.
func readHabits(t *testing.T) (rows []habit) {
	t.Helper()
	var head []string
	last := 0
	eachLine(t, "migrating.md", func(n int, line string) {
		if !strings.HasPrefix(line, "|") {
			return
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch begins := n != last+1; {
		case begins:
			head = cells
		case len(cells) != len(head):
			t.Fatalf("migrating.md:%d: %d columns, not %d", n, len(cells), len(head))
		case strings.Trim(line, "|-") != "":
			h := habit{map[string]string{}, n}
			for i, c := range cells {
				h.cells[head[i]] = c
			}
			rows = append(rows, h)
		}
		last = n
	})
	return rows
}

// quoted is what stands in a cell as on a command line.
var quoted = regexp.MustCompile("`([^`]*)`")

// words are the first words of what is quoted in a column of the rows.
func words(rows []habit, column string) map[string]bool {
	all := map[string]bool{}
	for _, r := range rows {
		for _, m := range quoted.FindAllStringSubmatch(r.cells[column], -1) {
			if f := strings.Fields(m[1]); len(f) > 0 {
				all[f[0]] = true
			}
		}
	}
	return all
}

// TestMigrating_Rows has each row of migrating.md shown by tests that are there,
// or say why it is not.
func TestMigrating_Rows(t *testing.T) {
	rows, sources := readHabits(t), parseTests(t, "..")
	if len(rows) < 100 {
		t.Fatalf("only %d rows", len(rows))
	}
	seen := map[string]int{}
	for _, r := range rows {
		key := ""
		for _, column := range []string{"flag or habit", "statement", "caller"} {
			key += r.cells[column] + r.cells["dhcpcd"]
		}
		if first := seen[key]; first > 0 {
			t.Errorf("migrating.md:%d stands on line %d already", r.line, first)
		}
		seen[key] = r.line
		cell := r.cells["test"]
		tests := namedTest.FindAllStringSubmatch(cell, -1)
		left := strings.TrimSpace(namedTest.ReplaceAllString(cell, ""))
		switch reason := strings.TrimPrefix(left, "no, because "); {
		case len(tests) > 0 && left != "":
			t.Errorf("migrating.md:%d: %q is no test", r.line, left)
		case len(tests) == 0 && (reason == left || reason == ""):
			t.Errorf("migrating.md:%d has neither a test nor a reason", r.line)
		}
		for _, m := range tests {
			if why := sources.missing(m[1]); why != "" {
				t.Errorf("migrating.md:%d: %q: %s", r.line, m[1], why)
			}
		}
	}
}

// TestMigrating_Flags has every flag of dhclient and udhcpc that we know in a
// row, and none that we do not know.
func TestMigrating_Flags(t *testing.T) {
	rows := readHabits(t)
	known := map[string][]string{}
	for _, f := range dhclientargs.Flags() {
		known["dhclient"] = append(known["dhclient"], f.Names...)
	}
	for _, f := range udhcpcargs.Flags() {
		known["udhcpc"] = append(known["udhcpc"], f.Names...)
	}
	for client, flags := range known {
		written := words(rows, client)
		for _, name := range flags {
			if !written[name] {
				t.Errorf("%s's %s is in no row", client, name)
			}
		}
		for name := range written {
			if strings.HasPrefix(name, "-") && !slices.Contains(flags, name) && name != "-6" {
				t.Errorf("%s has no %s", client, name)
			}
		}
	}
}
