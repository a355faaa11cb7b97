package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A report replaces what stood at its place, and nothing else; without its marks
// the document stays as it is.
func TestReport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	const head, tail = "before\n<!-- one -->\n", "<!-- end of one -->\nafter\n<!-- two -->\nold\n<!-- end of two -->\n"
	if err := os.WriteFile(file, []byte(head+"old\n\nfigures\n"+tail), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &report{name: "one", file: file}
	r.text.WriteString("\nnew\n\n")
	for range 2 { // what was written can be written again
		if err := r.write(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != head+"```\nnew\n```\n"+tail {
			t.Fatalf("%v: %s", err, b)
		}
	}
	r.name = "three"
	if err := r.write(); err == nil {
		t.Error("there is no such place")
	}
}
