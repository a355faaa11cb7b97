package netcfg

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// What stood in the file before ours is noted in the state directory, which a
// boot wipes out, and goes along in our own file as comments, which it does not:
// a line that says what it was and how long, and then its lines, each marked.
// Nothing that a server sends can look like that: it makes lines that begin
// with nameserver or search, and an address or a host name has no line break.
const (
	keptMark = "# dhclient-go puts this back: " // then the kind and the length
	keptLine = "#~"
	// maxFile is a page: in place, it is written whole or not at all.
	maxFile = 4096
)

// ours says that c was written by us.
func (c content) ours() bool {
	return c.Kind == kindFile && bytes.HasPrefix(c.Text, []byte(header))
}

// toRestore is what to put back later. A file of ours that nothing is known of
// is from before the host was started: what stood there before it goes along in
// it. Else it is worth nothing any more, for what it says is not true, but the
// options in it are the administrator's.
func (c content) toRestore() content {
	if !c.ours() {
		return c
	}
	if before, ok := c.kept(); ok {
		return before
	}
	c.Text = []byte("# dhclient-go: no lease, no name servers.\n" + c.options())
	return c
}

// comments are c as the end of a file of ours, of at most room octets. A file
// that is longer goes without its own comments; "" if that is not enough.
func (c content) comments(room int) string {
	texts := []string{string(c.Text)}
	if c.Kind == kindFile {
		texts = append(texts, withoutComments(texts[0]))
	}
	for _, text := range texts {
		if out := quoted(c.Kind, text); len(out) <= room {
			return out
		}
	}
	return ""
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if s := strings.TrimSpace(line); s != "" && s[0] != '#' && s[0] != ';' {
			b.WriteString(line)
		}
	}
	return b.String()
}

func quoted(kind, text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s, %d octets\n", keptMark, kind, len(text))
	for line := range strings.Lines(text) {
		b.WriteString(keptLine)
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			b.WriteString(" " + line)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// kept is what comments wrote, to the letter; ok is false for anything else.
// Lines after it are none of it.
func (c content) kept() (before content, ok bool) {
	_, rest, found := strings.Cut(string(c.Text), "\n"+keptMark)
	if !c.ours() || !found {
		return content{}, false
	}
	rest = rest[:min(len(rest), maxFile)] // it is never longer
	head, rest, _ := strings.Cut(rest, "\n")
	var block, text strings.Builder
	block.WriteString(keptMark + head + "\n")
	for line := range strings.Lines(rest) {
		s, marked := strings.CutPrefix(line, keptLine)
		if !marked {
			break
		}
		block.WriteString(line)
		text.WriteString(strings.TrimPrefix(s, " "))
	}
	kind, size, _ := strings.Cut(head, ", ")
	n, err := strconv.Atoi(strings.TrimSuffix(size, " octets"))
	if err != nil || n < 0 || n > text.Len() || quoted(kind, text.String()[:n]) != block.String() {
		return content{}, false
	}
	return contentOf(kind, text.String()[:n], c)
}

// contentOf is what was kept, if it can have been: nothing has no text, a link
// leads somewhere, and no file of ours is kept.
func contentOf(kind, text string, file content) (before content, ok bool) {
	switch kind {
	case kindNone:
		return content{Kind: kindNone}, text == ""
	case kindLink:
		return content{Kind: kindLink, Text: []byte(text)}, text != "" && !strings.ContainsRune(text, 0)
	case kindFile:
		before = content{Kind: kindFile, Text: []byte(text), Mode: file.Mode}
		return before, !before.ours()
	}
	return content{}, false
}
