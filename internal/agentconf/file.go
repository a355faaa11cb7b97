package agentconf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A File is a config file.
type File struct {
	// Path is what it is called in errors.
	Path string
	// Agent and Defaults are empty where the file has no such section.
	Agent, Defaults Section
	// Links are in the order of the file, in which they are tried.
	Links []Link
}

// A Section is what stands under one heading.
type Section struct {
	// Line is where the heading is, from 1; 0 for a section that is not there.
	Line int
	// Settings are in the order of the file, each key once.
	Settings []Setting
}

// Find returns the setting of that key; nil if there is none.
func (s *Section) Find(key string) *Setting {
	for i := range s.Settings {
		if s.Settings[i].Key == key {
			return &s.Settings[i]
		}
	}
	return nil
}

// A Link is a section [[link]].
type Link struct {
	// Section is without the keys that stand in the other fields.
	Section
	// Match are the selectors of links, and Netns those of network namespaces:
	// any of them will do, and a list that is empty is not there. One of the two
	// is.
	Match, Netns []Value
	// Serve is false for links that are to be left alone.
	Serve bool
}

// A Setting is a key and what it is set to.
type Setting struct {
	Key  string
	Line int
	// Values has one element, unless List is set: then there may be any number,
	// as few as none.
	Values []Value
	List   bool
}

// A Kind is the type of a Value.
type Kind uint8

// The types of values.
const (
	String Kind = iota
	Integer
	Bool
)

// String is what the type is called in errors.
func (k Kind) String() string {
	return [...]string{"a string", "an integer", "true or false"}[k]
}

// A Value is a string, an integer or a boolean.
type Value struct {
	Kind Kind
	// Text is the string, the decimal number, or true or false.
	Text string
	// Line is where it stands.
	Line int
}

// An Error says what is wrong in a file, and where.
type Error struct {
	Path string
	// Line is 0, and Key empty, if it is about no line and no key.
	Line    int
	Key     string
	Problem string
}

// Error is FILE:LINE: key: problem.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(bare(e.Key) + ": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// maxShown is how much of a key errors show, in octets.
const maxShown = 64

// bare is a key as it can be shown in a line: quoted, where it needs that.
func bare(key string) string {
	if len(key) > maxShown {
		end := maxShown
		for !utf8.RuneStart(key[end]) {
			end--
		}
		key = key[:end] + "..."
	}
	odd := func(r rune) bool { return r < '-' || r > 'z' }
	if key == "" || strings.ContainsFunc(key, odd) {
		return fmt.Sprintf("%q", key)
	}
	return key
}

// maxErrors is how many errors of one file are told: a file of another kind has
// one in each line.
const maxErrors = 20

// Errors collects what is wrong in one file.
type Errors struct {
	path string
	all  []*Error
	more int
}

// NewErrors is for the file at path.
func NewErrors(path string) *Errors { return &Errors{path: path} }

// Add notes that something is wrong with key in a line; see Error.
func (e *Errors) Add(line int, key, format string, args ...any) {
	if len(e.all) == maxErrors {
		e.more++
		return
	}
	e.all = append(e.all, &Error{e.path, line, key, fmt.Sprintf(format, args...)})
}

// Err is what was noted, as errors.Join has it: the first 20, each in a line, in
// the order of the file. It is nil if nothing was.
func (e *Errors) Err() error {
	slices.SortStableFunc(e.all, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	var all []error
	for _, err := range e.all {
		all = append(all, err)
	}
	if e.more > 0 {
		all = append(all, &Error{Path: e.path, Problem: fmt.Sprintf("and %d more errors", e.more)})
	}
	return errors.Join(all...)
}
