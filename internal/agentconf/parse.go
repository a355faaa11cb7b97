package agentconf

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

const (
	// maxLinks is how many sections [[link]] a file may have: each is tried for
	// each link.
	maxLinks = 1000
	// maxKeys is how many keys a section may have, and maxValues how many values
	// a list.
	maxKeys, maxValues = 200, 1000
)

// Parse reads a config file that is called path in errors. The error is that of
// Errors, with an *Error for each that is wrong; what is no TOML ends the search
// for more.
func Parse(path string, text []byte) (*File, error) {
	text = slices.Clip(bytes.TrimPrefix(text, []byte("\ufeff")))
	p := &parser{text: text, line: 1, file: &File{Path: path}, errs: NewErrors(path)}
	if bad := invalid(text); bad >= 0 {
		p.errs.Add(p.lineAt(bad), "", "is not UTF-8")
		return nil, p.errs.Err()
	}
	p.toml.Reset(text)
	for p.toml.NextExpression() {
		p.expression(p.toml.Expression())
	}
	if err := p.toml.Error(); err != nil {
		p.syntax(err)
	}
	p.finish()
	if err := p.errs.Err(); err != nil {
		return nil, err
	}
	return p.file, nil
}

// invalid is where text is not UTF-8; -1 for nowhere.
func invalid(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

type parser struct {
	toml unstable.Parser
	text []byte
	// line is that of the octet at offset: lines are counted once.
	offset, line int
	file         *File
	errs         *Errors
	// section is where keys go; nil under a heading that is none, and before the
	// first, as heading says.
	section *Section
	heading bool
}

// lineAt is the line of an octet. It counts on from the last one that was asked
// for, and back if need be.
func (p *parser) lineAt(offset int) int {
	newline := []byte{'\n'}
	if offset >= p.offset {
		p.line += bytes.Count(p.text[p.offset:offset], newline)
	} else {
		p.line -= bytes.Count(p.text[offset:p.offset], newline)
	}
	p.offset = offset
	return p.line
}

// syntax notes what is no TOML.
func (p *parser) syntax(err error) {
	line := 0
	var at *unstable.ParserError
	if errors.As(err, &at) && at.Highlight != nil {
		line = p.lineAt(int(p.toml.Range(at.Highlight).Offset))
	}
	p.errs.Add(line, "", "%s", err.Error())
}

func (p *parser) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		p.enter(n)
	case unstable.KeyValue:
		p.set(n)
	}
}

// key is the dotted key of n, and its line.
func (p *parser) key(n *unstable.Node) (key string, line int) {
	var parts []string
	for it := n.Key(); it.Next(); {
		part := it.Node()
		if line == 0 {
			line = p.lineAt(int(part.Raw.Offset))
		}
		parts = append(parts, string(part.Data))
	}
	return strings.Join(parts, "."), line
}

// enter opens the section of a heading.
func (p *parser) enter(n *unstable.Node) {
	name, line := p.key(n)
	list := n.Kind == unstable.ArrayTable
	p.section, p.heading = nil, true
	switch {
	case name == "link" && list:
		p.enterLink(line)
	case name == "link":
		p.errs.Add(line, "", "[link] is written [[link]], since there may be several")
	case name != "agent" && name != "defaults":
		p.errs.Add(line, "", "no section is called %s%s", bare(name), Hint(name, []string{"agent", "defaults", "link"}))
	case list:
		p.errs.Add(line, "", "[[%s]] is written [%s], since there is one", name, name)
	case name == "agent":
		p.enterOnce(&p.file.Agent, name, line)
	default:
		p.enterOnce(&p.file.Defaults, name, line)
	}
}

func (p *parser) enterOnce(s *Section, name string, line int) {
	if s.Line > 0 {
		p.errs.Add(line, "", "[%s] stands in line %d already", name, s.Line)
		return
	}
	s.Line, p.section = line, s
}

func (p *parser) enterLink(line int) {
	if len(p.file.Links) == maxLinks {
		p.errs.Add(line, "", "more than %d sections [[link]]", maxLinks)
		return
	}
	p.file.Links = append(p.file.Links, Link{Section: Section{Line: line}, Serve: true})
	p.section = &p.file.Links[len(p.file.Links)-1].Section
}

// set takes a key and its value.
func (p *parser) set(n *unstable.Node) {
	key, line := p.key(n)
	s := p.section
	switch {
	case s == nil && !p.heading:
		p.errs.Add(line, key, "stands under no heading: [agent], [defaults] or [[link]]")
		return
	case s == nil:
		return // the heading is wrong, and that was said
	}
	if other := s.Find(key); other != nil {
		p.errs.Add(line, key, "is set in line %d already", other.Line)
		return
	}
	if len(s.Settings) == maxKeys {
		p.errs.Add(line, key, "the section has more than %d keys", maxKeys)
		p.section = nil
		return
	}
	setting := Setting{Key: key, Line: line, List: n.Value().Kind == unstable.Array}
	if !setting.List {
		if v, ok := p.value(key, line, n.Value()); ok {
			setting.Values = []Value{v}
		}
	} else {
		setting.Values = p.list(key, line, n.Value())
	}
	// One whose value is wrong stands there too: it must not be set again.
	s.Settings = append(s.Settings, setting)
}

func (p *parser) list(key string, line int, n *unstable.Node) (all []Value) {
	for it := n.Children(); it.Next(); {
		if len(all) == maxValues {
			p.errs.Add(line, key, "has more than %d values", maxValues)
			break
		}
		v, ok := p.value(key, line, it.Node())
		if !ok {
			break
		}
		all = append(all, v)
	}
	return all
}

// value reads a value of one of the types that there are.
func (p *parser) value(key string, line int, n *unstable.Node) (v Value, ok bool) {
	if n.Raw.Length > 0 {
		line = p.lineAt(int(n.Raw.Offset))
	}
	v.Line = line
	switch n.Kind {
	case unstable.String:
		v.Kind, v.Text = String, string(n.Data)
	case unstable.Bool:
		v.Kind, v.Text = Bool, string(n.Data)
	case unstable.Integer:
		i, err := strconv.ParseInt(strings.ReplaceAll(string(n.Data), "_", ""), 0, 64)
		if err != nil {
			p.errs.Add(line, key, "%s is too large a number", bare(string(n.Data)))
			return v, false
		}
		v.Kind, v.Text = Integer, strconv.FormatInt(i, 10)
	default:
		p.errs.Add(line, key, "%s is no value here: a value is a string, an integer, true, false, or a list of those", typeOf(n.Kind))
		return v, false
	}
	return v, true
}

// typeOf names the types of TOML that no key takes.
func typeOf(k unstable.Kind) string {
	switch k {
	case unstable.Array:
		return "a list in a list"
	case unstable.InlineTable:
		return "a table"
	case unstable.Float:
		return "a number with a fraction"
	case unstable.LocalTime:
		return "a time"
	}
	return "a date"
}

// finish takes out of each [[link]] what says which links it means.
func (p *parser) finish() {
	for i := range p.file.Links {
		l := &p.file.Links[i]
		match, netns := l.take("match"), l.take("netns")
		l.Match, l.Netns = p.selectors(match), p.selectors(netns)
		if match == nil && netns == nil {
			p.errs.Add(l.Line, "match", `is missing: match = "*" is every link`)
		}
		p.serve(l, l.take("serve"))
	}
}

func (p *parser) serve(l *Link, s *Setting) {
	switch {
	case s == nil:
	case !s.List && len(s.Values) == 0: // that is told
	case s.List || s.Values[0].Kind != Bool:
		p.errs.Add(s.Line, s.Key, "is neither true nor false")
	default:
		l.Serve = s.Values[0].Text == "true"
	}
}

// selectors are the values of match or netns.
func (p *parser) selectors(s *Setting) []Value {
	if s == nil {
		return nil
	}
	for _, v := range s.Values {
		if v.Kind != String {
			p.errs.Add(v.Line, s.Key, "%s is not a string", v.Text)
		}
	}
	if len(s.Values) == 0 && s.List {
		p.errs.Add(s.Line, s.Key, "is an empty list, which fits nothing")
	}
	return s.Values
}

// take takes the setting of that key out of s; nil if there is none.
func (s *Section) take(key string) *Setting {
	i := slices.IndexFunc(s.Settings, func(t Setting) bool { return t.Key == key })
	if i < 0 {
		return nil
	}
	t := s.Settings[i]
	s.Settings = slices.Delete(s.Settings, i, i+1)
	return &t
}
