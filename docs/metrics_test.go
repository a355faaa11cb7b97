package docs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/metrics"
)

// The table of metrics.md is that of the program: a line for each metric, in its
// words, and none more. What the examples name is there.
func TestMetrics(t *testing.T) {
	var want, got []string
	var names []string
	for _, f := range metrics.Families() {
		names = append(names, f.Name)
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", f.Name, f.Type, strings.Join(f.Labels, ", "), f.Help))
	}
	eachLine(t, "metrics.md", func(n int, line string) {
		if strings.HasPrefix(line, "| `") {
			got = append(got, line)
			return
		}
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				word = strings.TrimSuffix(word, suffix)
			}
			if strings.HasPrefix(word, "dhclient_go_") && !slices.Contains(names, word) {
				t.Errorf("metrics.md:%d: there is no metric %s", n, word)
			}
		}
	})
	for i := range max(len(want), len(got)) {
		w, g := at(want, i), at(got, i)
		if w != g {
			t.Errorf("row %d of metrics.md is\n%s\nnot\n%s", i+1, g, w)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(none)"
}
