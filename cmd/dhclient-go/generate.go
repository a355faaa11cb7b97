//go:build generate

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// With the build tag generate the program has one more name: called as
// dhclient-go-generate it writes the manual page and the completions, from the
// tables that it works by. The product is built without it.
func init() { guises["dhclient-go-generate"] = generate }

// A topic is what the generated files say: the tables, and what they do not
// have.
type topic struct {
	groups   []flagGroup
	commands []command
	// date is a day, as manual pages have it.
	date string
}

// outputs are the files that are written.
var outputs = []struct {
	path  string
	write func(t *topic, templates string) (string, error)
}{
	{"man/dhclient-go.8", manPage},
	{"man/dhclient-go-compat.7", compatPage},
	{"completions/dhclient-go.bash", bashCompletion},
	{"completions/_dhclient-go", zshCompletion},
	{"completions/dhclient-go.fish", fishCompletion},
}

// generate writes the outputs into the directory args[0], from the templates in
// the directory args[1].
func generate(args []string, _, stderr io.Writer) int {
	if len(args) != 2 {
		complain(stderr, badUsage("dhclient-go-generate DIR TEMPLATES"))
		return exitUsage
	}
	if err := generateTo(args[0], args[1]); err != nil {
		complain(stderr, err)
		return exitRuntime
	}
	return exitDone
}

func generateTo(dir, templates string) error {
	date, err := commitDate()
	if err != nil {
		return err
	}
	t := &topic{groups: flagGroups, commands: commands, date: date}
	for _, out := range outputs {
		text, err := out.write(t, templates)
		if err != nil {
			return fmt.Errorf("generate %s: %w", out.path, err)
		}
		path := filepath.Join(dir, out.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("generate %s: %w", out.path, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("generate %s: %w", out.path, err)
		}
	}
	return nil
}

// oneText is the help of a flag or a command as one line.
func oneText(help string) string { return strings.Join(strings.Fields(help), " ") }

// What a completion offers for the value of a flag.
type valueKind uint8

const (
	anyText valueKind = iota // nothing: nobody can guess it
	aWord
	aFile
	aDirectory
	anInterface
	anOption // with commas
)

// moreWords are words that a flag takes beside what no list can have.
var moreWords = map[string][]string{
	"acd":       {"200ms", "rfc5227", "optimistic", "off"},
	"client-id": {"mac", "none"},
}

// values is what the flag takes. The words are those that its own parser names
// when it refuses a value, so they cannot differ from it.
func (row *flagRow) values() (kind valueKind, words []string, err error) {
	switch row.value {
	case "PATH", "FILE", "PROGRAM":
		return aFile, nil, nil
	case "DIR":
		return aDirectory, nil, nil
	case "IF":
		return anInterface, nil, nil
	case "OPT":
		return anOption, nil, nil
	}
	var e *wordError
	switch words := moreWords[row.name]; {
	case row.value == "":
		return anyText, nil, nil
	case words != nil:
		for _, w := range words {
			if err := row.set(newOptions(), w); err != nil {
				return 0, nil, fmt.Errorf("--%s: %w", row.name, err)
			}
		}
		return aWord, words, nil
	case errors.As(row.set(newOptions(), "\x00"), &e):
		return aWord, e.words, nil
	}
	return anyText, nil, nil
}

// optionWords are the names that -O takes.
func optionWords() []string { return option.AllNames() }

// eachFlag calls do for every flag, in the order of the help.
func (t *topic) eachFlag(do func(row *flagRow, kind valueKind, words []string)) error {
	for _, g := range t.groups {
		for i := range g.flags {
			kind, words, err := g.flags[i].values()
			if err != nil {
				return err
			}
			do(&g.flags[i], kind, words)
		}
	}
	return nil
}
