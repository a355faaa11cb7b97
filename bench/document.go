package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// A report is what a measurement prints, and where in a document it is to stand:
// between <!-- NAME --> and <!-- end of NAME -->.
type report struct {
	name, file string
	text       bytes.Buffer
}

// output is where the measurement prints to: the terminal, and the report if one
// was asked for.
func (r *report) output() io.Writer {
	if r.file == "" {
		return os.Stdout
	}
	return io.MultiWriter(os.Stdout, &r.text)
}

// write puts what was printed into the document, as it is.
func (r *report) write() error {
	if r.file == "" {
		return nil
	}
	old, err := os.ReadFile(r.file)
	if err != nil {
		return err
	}
	written, err := between(string(old), r.name, "```\n"+strings.Trim(r.text.String(), "\n")+"\n```")
	if err != nil {
		return fmt.Errorf("%s: %w", r.file, err)
	}
	return os.WriteFile(r.file, []byte(written), 0o644)
}

// between replaces what stands between the marks of a name.
func between(document, name, text string) (string, error) {
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(document, begin)
	if !ok {
		return "", fmt.Errorf("no line %q", strings.TrimSpace(begin))
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no line %q after %q", end, strings.TrimSpace(begin))
	}
	return before + begin + text + "\n" + end + after, nil
}
