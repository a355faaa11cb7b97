package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dhclient-go/dhclient-go/internal/agentconf"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// notOfLinks is why a flag of the client is no key of [defaults] and [[link]], in
// the words for a file that has it; empty for one that is. A new flag is one,
// unless it stands here.
func notOfLinks(flag string) string {
	switch flag {
	case "oneshot", "wait", "dry-run", "version", "help":
		return onlyOnce
	case "background":
		return "is for the command line: it says how the agent is started"
	case "timeout":
		return "the agent asks for a lease for as long as there is a link"
	case "wait-link":
		return "the agent serves each link when it appears"
	case "interface":
		return "the key for that is match"
	case "no-routes":
		return `the key for that is routes = "none"`
	case "netns", // and a selector of [[link]]
		"control-dir", "pid-file", "metrics-file", "no-sandbox", "verbose", "quiet", "json", "log-format", "trace", "pcap":
		return ofProcess
	}
	return ""
}

const (
	onlyOnce  = "is for the command line only"
	ofProcess = "is of the process, not of a link"
)

// linkFlags are the flags that [defaults] and [[link]] may have, in the order of
// the help.
func linkFlags() []flagRow {
	return slices.DeleteFunc(slices.Clone(allFlags()), func(row flagRow) bool { return notOfLinks(row.name) != "" })
}

// An agentConfig is a config file of the agent whose every word was checked. It
// does not change.
type agentConfig struct {
	path string
	// process is what [agent] says, on what a process without it does: the command
	// line goes over it.
	process *options
	// sections are the [[link]] in their order. Where there is none, [defaults] are
	// for every link.
	sections []*agentSection
}

// An agentSection is a [[link]] with what it has from [defaults].
type agentSection struct {
	line  int
	match []linkMatch
	netns []string
	// plan is nil for links that are left alone.
	plan *linkPlan
}

// A linkMatch means one link by its name, or those of a selector.
type linkMatch struct {
	name string
	*selector
}

// A linkPlan is how a link is to be served.
type linkPlan struct {
	// options have what the keys of links set, and nothing else that was set. They
	// are shared by all links of the plan: who needs to change them makes a copy.
	options *options
	// source is the file and the line of the section.
	source string
}

// same says that a link needs not be touched when q takes the place of p: both
// mean the same, in whatever words and wherever they stand.
func (p *linkPlan) same(q *linkPlan) bool {
	return p == q || p != nil && q != nil && reflect.DeepEqual(p.options, q.options)
}

// readAgentConfig reads a config file. process are the flags that [agent] may
// have, and fresh is what the process does without any. The error has an
// *agentconf.Error for each thing that is wrong.
func readAgentConfig(path string, process []flagRow, fresh func() *options) (*agentConfig, error) {
	f, err := agentconf.Read(path)
	if err != nil {
		return nil, err
	}
	r := &agentConfigReader{File: f, errs: agentconf.NewErrors(path), links: linkFlags()}
	c := &agentConfig{path: path, process: fresh()}
	r.fill(c.process, "[agent]", &f.Agent, process)
	r.fill(newOptions(), "[defaults]", &f.Defaults, r.links)
	for i := range f.Links {
		r.fill(newOptions(), "[[link]]", &f.Links[i].Section, r.links)
		c.sections = append(c.sections, r.section(&f.Links[i]))
	}
	if err := r.errs.Err(); err != nil {
		return nil, err // which would come again, for each section
	}
	for i := range f.Links {
		if l := &f.Links[i]; l.Serve {
			c.sections[i].plan = r.plan(&l.Section)
			r.checkFallback(c.sections[i], &l.Section)
		}
	}
	if len(f.Links) == 0 {
		none := &agentconf.Section{Line: f.Defaults.Line}
		all := &agentSection{line: f.Defaults.Line, plan: r.plan(none)}
		r.checkFallback(all, none)
		c.sections = []*agentSection{all}
	}
	return c, r.errs.Err()
}

// An agentConfigReader makes options of a file.
type agentConfigReader struct {
	*agentconf.File
	errs  *agentconf.Errors
	links []flagRow
}

// section reads which links a [[link]] means.
func (r *agentConfigReader) section(l *agentconf.Link) *agentSection {
	s := &agentSection{line: l.Line}
	for _, v := range l.Match {
		sel, err := selectorOf(v.Text)
		if err == nil && sel == nil {
			err = addInterface(&options{}, v.Text)
		}
		if err != nil {
			r.errs.Add(v.Line, "match", "%s", err)
		}
		s.match = append(s.match, linkMatch{v.Text, sel})
	}
	for _, v := range l.Netns {
		if _, err := path.Match(v.Text, ""); err != nil {
			r.errs.Add(v.Line, "netns", "%q is not a pattern like blue, cni-* or, for the namespace of the agent, the empty string", v.Text)
		}
		s.netns = append(s.netns, v.Text)
	}
	return s
}

// fill has the keys of a section set o, as its flags do.
func (r *agentConfigReader) fill(o *options, heading string, s *agentconf.Section, rows []flagRow) {
	for i := range s.Settings {
		set := &s.Settings[i]
		at := slices.IndexFunc(rows, func(row flagRow) bool { return row.name == set.Key })
		if at < 0 {
			r.errs.Add(set.Line, set.Key, "%s", unknownKey(set.Key, heading, rows))
			continue
		}
		if set.Values == nil && !set.List {
			continue // its value is none, which is told
		}
		if line, err := rows[at].setBy(o, set); err != nil {
			r.errs.Add(line, set.Key, "%s", wordsOfFile(err))
		}
	}
}

// unknownKey says why a key does not stand under a heading.
func unknownKey(key, heading string, rows []flagRow) string {
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i].name
	}
	ofLink := slices.ContainsFunc(linkFlags(), func(row flagRow) bool { return row.name == key })
	switch why := notOfLinks(key); {
	case why != "" && (heading != "[agent]" || why != ofProcess):
		return why
	case ofLink:
		return "is of links: it stands under [defaults] or [[link]]"
	case heading == "[[link]]":
		names = append(names, "match", "netns", "serve")
	}
	return "is no key of " + heading + agentconf.Hint(key, names)
}

// wordsOfFile is an error of flags as one of keys.
func wordsOfFile(err error) string {
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "--script: "), "--", "")
}

// maxTimes is how often a flag that counts can be given by a number.
const maxTimes = 9

// setBy has each value of a setting set o. line is that of the one that is wrong.
func (row *flagRow) setBy(o *options, set *agentconf.Setting) (line int, err error) {
	if set.List && (!row.list || row.value == "") {
		return set.Line, errors.New("takes one value, not a list")
	}
	for _, v := range set.Values {
		texts, err := row.texts(v)
		for _, text := range texts {
			if err == nil {
				err = row.set(o, text)
			}
		}
		if err != nil {
			return v.Line, err
		}
	}
	return 0, nil
}

// texts are what the flag is given for a value in a file: once the text, or as
// often as a switch is on.
func (row *flagRow) texts(v agentconf.Value) ([]string, error) {
	isBool := v.Kind == agentconf.Bool
	switch {
	case isBool && v.Text == "false" && (row.value == "" || row.optional):
		return nil, nil
	case isBool && row.value == "":
		return []string{""}, nil
	case isBool && row.optional:
		return []string{optionalUnset}, nil
	case isBool:
		return nil, fmt.Errorf("is %s, but needs a value: %s", v.Text, row.value)
	case row.value == "" && row.list && v.Kind == agentconf.Integer:
		n, err := strconv.Atoi(v.Text)
		if err != nil || n < 0 || n > maxTimes {
			return nil, fmt.Errorf("%s is not a number from 0 to %d", v.Text, maxTimes)
		}
		return make([]string, n), nil
	case row.value == "":
		return nil, fmt.Errorf("%q is neither true nor false", v.Text)
	case row.takesPath() && v.Text != "" && v.Text != toStdout && !filepath.IsAbs(v.Text):
		return nil, fmt.Errorf("%q is not an absolute path: nobody knows where the agent will be started", v.Text)
	case row.optional && v.Text == optionalUnset:
		return nil, fmt.Errorf("%q is no value: true is the flag without one", v.Text)
	}
	return []string{v.Text}, nil
}

func (row *flagRow) takesPath() bool {
	return row.value == "PATH" || row.value == "DIR" || row.value == "FILE"
}

// plan is what a section means together with [defaults]. A key of the section
// takes the place of the same one there, as a whole.
func (r *agentConfigReader) plan(s *agentconf.Section) *linkPlan {
	merged := agentconf.Section{Settings: slices.Clone(s.Settings)}
	for _, set := range r.Defaults.Settings {
		if s.Find(set.Key) == nil {
			merged.Settings = append(merged.Settings, set)
		}
	}
	o := newOptions()
	r.fill(o, "", &merged, r.links)
	o.links = []string{"*"} // check wants one
	err := o.check()
	o.links = nil
	var key string
	var bad *usageError
	if errors.As(err, &bad) {
		key, err = strings.TrimPrefix(bad.flag, "--"), errors.New(bad.problem)
	}
	if err == nil {
		key, err = "script", o.findScripts()
	}
	if err != nil {
		line := max(s.Line, 1)
		if set := merged.Find(key); set != nil {
			line = set.Line
		}
		r.errs.Add(line, key, "%s", wordsOfFile(err))
	}
	return &linkPlan{options: o, source: fmt.Sprintf("%s:%d", r.Path, max(s.Line, 1))}
}

// checkFallback wants a fallback to be one link's: nobody else may have its address.
func (r *agentConfigReader) checkFallback(c *agentSection, s *agentconf.Section) {
	if c.plan.options.client.Fallback == nil || len(c.match) == 1 && c.match[0].selector == nil {
		return
	}
	const key = "fallback"
	set := s.Find(key)
	if set == nil {
		set = r.Defaults.Find(key)
	}
	r.errs.Add(set.Line, key, "is for one interface: it stands under a [[link]] whose match is its name")
}

// planOf is how a link is to be served that is in the namespace of that name,
// empty for the agent's own: by the first section that fits. Nil leaves it alone.
// The driver of a link is asked for where it counts. The error may be about the
// section that fits.
func (c *agentConfig) planOf(netns string, link *netcfg.Candidate, driver func(name string) (string, error)) (*linkPlan, error) {
	for _, s := range c.sections {
		fits, err := s.fits(netns, link, driver)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", c.path, s.line, err)
		}
		switch {
		case fits && netns != "" && s.plan != nil && s.plan.options.hooks.Configures:
			return nil, fmt.Errorf("%s:%d: script-env: the script would look for %s in the network namespace of the agent, and it is in %s", c.path, s.line, link.Name, netns)
		case fits:
			return s.plan, nil
		}
	}
	return nil, nil
}

// fits says that s means the link.
func (s *agentSection) fits(netns string, link *netcfg.Candidate, driver func(name string) (string, error)) (bool, error) {
	in := func(pattern string) bool {
		ok, err := path.Match(pattern, netns)
		return pattern == netns || err == nil && ok
	}
	if len(s.netns) > 0 && !slices.ContainsFunc(s.netns, in) {
		return false, nil
	}
	for _, m := range s.match {
		if m.selector == nil {
			if m.name == link.Name {
				return true, nil
			}
			continue
		}
		if is, err := m.matches(link, driver); is || err != nil {
			return is, err
		}
	}
	// A port has its addresses on another link, here as where a pattern is given.
	return len(s.match) == 0 && (link.Port == "" || link.Port == "vrf"), nil
}

// exitBadConfig is the exit code of a check that has found something.
const exitBadConfig = 2

// checkAgentConfig says whether a config file is fine, and is the exit code.
func checkAgentConfig(path string, process []flagRow, fresh func() *options, stdout, stderr io.Writer) int {
	c, err := readAgentConfig(path, process, fresh)
	if err != nil {
		complain(stderr, err)
		return exitBadConfig
	}
	fmt.Fprintf(stdout, "%s is fine: %s\n", path, c.gist())
	return exitDone
}

// gist is what the file comes to, in a few words: who forgets match and [[link]]
// means more links than he knows.
func (c *agentConfig) gist() string {
	every := ", for every link"
	if len(c.process.links) > 0 {
		every = ", for the links of match in [agent]"
	}
	switch {
	case c.sections[0].match == nil && c.sections[0].netns == nil:
		return "[defaults] alone" + every
	case len(c.sections) == 1:
		return "1 section"
	}
	return fmt.Sprintf("%d sections", len(c.sections))
}
