//go:build generate

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// commitDate is the day of SOURCE_DATE_EPOCH (reproducible-builds.org): the
// same source makes the same page. Without it, it is today.
func commitDate() (string, error) {
	at := time.Now()
	if s := os.Getenv("SOURCE_DATE_EPOCH"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return "", fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		at = time.Unix(n, 0)
	}
	return at.UTC().Format("January 2, 2006"), nil
}

// manPage is the page of the program.
func manPage(t *topic, templates string) (string, error) {
	flags, err := manFlags(t.groups)
	if err != nil {
		return "", err
	}
	return fillPage(templates, "dhclient-go.8.in", []part{
		{"@DATE@", t.date}, {"@FLAGS@\n", flags}, {"@COMMANDS@\n", manCommands(t.commands)},
	})
}

// compatPage is the page of the other names.
func compatPage(t *topic, templates string) (string, error) {
	return fillPage(templates, "dhclient-go-compat.7.in", []part{{"@DATE@", t.date}})
}

// A part is what takes the place of a mark.
type part struct{ mark, text string }

// fillPage fills what a template leaves open: lines of the form @NAME@.
func fillPage(templates, name string, parts []part) (string, error) {
	path := filepath.Join(templates, name)
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := string(b)
	for _, part := range parts {
		if !strings.Contains(text, part.mark) {
			return "", fmt.Errorf("%s: no %s", path, strings.TrimSpace(part.mark))
		}
		text = strings.ReplaceAll(text, part.mark, part.text)
	}
	return text, nil
}

// manFlags is the flags in the language mdoc(7), a subsection for each group.
func manFlags(groups []flagGroup) (string, error) {
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, ".Ss %s\n.Bl -tag -width Ds\n", g.title)
		for i := range g.flags {
			row := &g.flags[i]
			_, words, err := row.values()
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, ".It %s\n%s\n", row.mdoc(), sentence(row.help, words))
		}
		b.WriteString(".El\n")
	}
	return b.String(), nil
}

// mdoc is how the flag is written, as usage has it.
func (row *flagRow) mdoc() string {
	s := "Fl -" + row.name
	if row.short != "" {
		s = "Fl " + row.short + " , " + s
	}
	switch {
	case row.optional:
		s += " Ns Oo = Ns Ar " + row.value + " Oc"
	case row.value != "":
		s += " Ar " + row.value
	}
	return s
}

// manCommands is the section about the commands, nothing where there are none.
func manCommands(commands []command) string {
	if len(commands) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(".Sh COMMANDS\nThese stand in the place of an interface.\n.Cm init\nand\n.Cm agent\nare clients, and\n.Cm inform\nneeds none; the others speak to the client that runs.\n" +
		".Bl -tag -width Ds\n")
	for _, c := range commands {
		fmt.Fprintf(&b, ".It Cm %s\n%s\n", c.name, sentence(c.help, nil))
	}
	b.WriteString(".El\n")
	return b.String()
}

// sentence is a help text as a sentence that the language takes for no request
// and no escape. A word to be given as it is stays small at its beginning.
func sentence(help string, words []string) string {
	s := oneText(help)
	first, _, _ := strings.Cut(s, " ")
	if !slices.Contains(words, strings.Trim(first, ",:;")) {
		r, n := utf8.DecodeRuneInString(s)
		s = string(unicode.ToUpper(r)) + s[n:]
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	var b strings.Builder
	width := 0
	for word := range strings.FieldsSeq(s) {
		switch {
		case width == 0:
		case width+len(word) > 75 || strings.HasSuffix(b.String(), "."):
			b.WriteString("\n") // as a new sentence has to
			width = 0
		default:
			b.WriteString(" ")
		}
		if width == 0 && strings.ContainsAny(word[:1], ".'") {
			b.WriteString(`\&`)
		}
		width += len(word) + 1
		b.WriteString(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(word))
	}
	return b.String()
}
