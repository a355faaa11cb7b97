package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPerformance holds performance.md to the Makefile: each command in it is a
// target, and the tables stand where `make performance` puts them.
func TestPerformance(t *testing.T) {
	targets := map[string]bool{}
	for _, file := range []string{"../Makefile", "../packaging/rules.mk"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(string(b), -1) {
			targets[m[1]] = true
		}
	}
	commands := 0
	eachLine(t, "performance.md", func(n int, line string) {
		for _, m := range regexp.MustCompile("(?:^    |`)make ([a-z-]+)").FindAllStringSubmatch(line, -1) {
			commands++
			if !targets[m[1]] {
				t.Errorf("performance.md:%d: there is no `make %s`", n, m[1])
			}
		}
	})
	if commands < 8 {
		t.Errorf("only %d commands are there", commands)
	}
	b, err := os.ReadFile("performance.md")
	if err != nil {
		t.Fatal(err)
	}
	// The names of the reports that the targets write there.
	for _, name := range []string{"bench", "bench-scale"} {
		_, rest, begun := strings.Cut(string(b), "<!-- "+name+" -->\n")
		table, _, ended := strings.Cut(rest, "<!-- end of "+name+" -->\n")
		if !begun || !ended {
			t.Errorf("performance.md has no place for %s", name)
			continue
		}
		if !strings.HasPrefix(table, "```\n") || !strings.HasSuffix(table, "\n```\n") {
			t.Errorf("performance.md: nothing was written by make %s", name)
		}
		for line := range strings.Lines(table) {
			if len(strings.TrimRight(line, "\n")) > 80 {
				t.Errorf("performance.md: %s is wider than a terminal: %s", name, line)
			}
		}
	}
}
