package isc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A Loader reads a file that another includes.
type Loader func(path string) ([]byte, error)

// ReadFile reads the dhclient.conf at path and what it includes.
func ReadFile(path string) (*Config, error) {
	src, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, src, load)
}

// Parse reads a dhclient.conf, which is called name in warnings and errors. The
// error is an *Error, for a file whose statements cannot be told apart; a nil
// loader includes nothing.
func Parse(name string, src []byte, include Loader) (*Config, error) {
	c := &Config{Options: &option.Table{}, global: &scope{settings: defaults()}}
	r := &confReader{config: c, include: include}
	if err := r.file(name, src, c.global); err != nil {
		return nil, err
	}
	return c, nil
}

// A confReader reads one dhclient.conf with what it includes.
type confReader struct {
	config  *Config
	include Loader
	// p reads the file at hand.
	p *parser
	// depth is how many files include it, and octets how many were read.
	depth, octets int
	count         int // of statements
}

// file reads a file into a scope.
func (r *confReader) file(name string, src []byte, s *scope) error {
	if r.octets += len(src); r.octets > maxFile {
		return &Error{name, 1, fmt.Sprintf("with what it includes larger than %d bytes", maxFile)}
	}
	outer := r.p
	r.p = newParser(name, src, &r.config.Warnings)
	defer func() { r.p = outer }()
	for r.p.tok.kind != atEOF {
		if t := r.p.tok; r.p.take("}") {
			r.p.warn(t.line, "a brace that closes nothing")
			continue
		}
		r.statement(s)
	}
	return r.p.err
}

// statement reads one statement of a scope. It reads one token at least.
func (r *confReader) statement(s *scope) {
	if r.p.take(";") {
		return
	}
	t := r.p.advance()
	if r.count++; r.count > maxStatements {
		r.p.fail(&Error{r.p.lex.file, t.line, fmt.Sprintf("more than %d statements", maxStatements)})
		return
	}
	if t.kind != aWord {
		r.p.warn(t.line, "%v where a statement should begin, skipped", t)
		r.p.skip()
		return
	}
	word := strings.ToLower(t.text)
	if o, ok := ops[word]; ok {
		r.optionValue(t, o, s)
		return
	}
	if into := s.times(word); into != nil {
		r.seconds(t, into, s)
		return
	}
	r.other(t, word, s)
}

// times is where a statement about time keeps its value; nil for no such
// statement.
func (s *scope) times(word string) *time.Duration {
	switch word {
	case "timeout":
		return &s.timeout
	case "retry":
		return &s.retry
	case "reboot":
		return &s.reboot
	case "select-timeout":
		return &s.selectTimeout
	case "initial-interval":
		return &s.initialInterval
	case "backoff-cutoff":
		return &s.backoffCutoff
	case "initial-delay":
		return &s.delay
	}
	return nil
}

// other reads a statement that is about neither an option nor time.
func (r *confReader) other(t token, word string, s *scope) {
	inner := s != r.config.global
	switch word {
	case "request":
		r.optionList(t, &s.request, false)
	case "require":
		r.optionList(t, &s.require, false)
	case "also":
		r.also(t, s)
	case "reject":
		r.rejects(t, s)
	case "script":
		r.script(t, s)
	case "bootp-broadcast-always": // Red Hat's and Debian's
		s.broadcast = true
		r.p.end(t)
	case "include":
		r.included(t, s)
	case "option":
		r.definition(t, inner)
	case "interface":
		r.interfaceBlock(t, inner)
	case "lease":
		r.lease(t)
	case "if":
		r.p.reject(t, "conditions are not supported")
		for r.p.tok.is("else") || r.p.tok.is("elsif") {
			r.p.advance()
			r.p.skip()
		}
	default:
		r.p.reject(t, "%s", whyNot(word))
	}
}

// seconds reads the value of a statement about time.
func (r *confReader) seconds(t token, into *time.Duration, s *scope) {
	if into == &s.delay && s != r.config.global {
		r.p.reject(t, "only outside of interface blocks")
		return
	}
	list, ok := r.p.values()
	if !ok {
		r.p.reject(t, "no semicolon after it")
		return
	}
	n, err := uint64(0), error(nil)
	if len(list) != 1 || list[0].kind != aWord {
		err = strconv.ErrSyntax
	} else {
		n, err = strconv.ParseUint(list[0].text, 10, 32)
	}
	if err != nil {
		r.p.warn(t.line, "%s: %q is not a number of seconds, statement skipped", t.text, brief(r.p.text(list)))
		return
	}
	// What is for ever to a counter of 31 bits is for ever.
	*into = time.Duration(min(n, math.MaxInt32)) * time.Second
}

// brief is s for a message.
func brief(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}

// also reads "also request" and "also require".
func (r *confReader) also(t token, s *scope) {
	switch {
	case r.p.take("request"):
		r.optionList(t, &s.request, true)
	case r.p.take("require"):
		r.optionList(t, &s.require, true)
	default:
		r.p.reject(t, "%v, not request or require", r.p.tok)
	}
}

// script reads the name of a program.
func (r *confReader) script(t token, s *scope) {
	list, ok := r.p.values()
	switch {
	case !ok:
		r.p.reject(t, "no semicolon after it")
	case len(list) != 1 || list[0].kind != aString || list[0].text == "" || strings.IndexByte(list[0].text, 0) >= 0:
		r.p.warn(t.line, "script: %q is not a file name in quotes, statement skipped", brief(r.p.text(list)))
	default:
		s.script = list[0].text
	}
}

// included reads another file into the scope.
func (r *confReader) included(t token, s *scope) {
	list, ok := r.p.values()
	switch {
	case !ok:
		r.p.reject(t, "no semicolon after it")
		return
	case len(list) != 1 || list[0].kind != aString:
		r.p.warn(t.line, "include: %q is not a file name in quotes, statement skipped", brief(r.p.text(list)))
		return
	case r.include == nil:
		r.p.warn(t.line, "include: not supported here, statement skipped")
		return
	case r.depth == maxDepth:
		r.p.fail(&Error{r.p.lex.file, t.line, fmt.Sprintf("include: more than %d files deep", maxDepth)})
		return
	}
	src, err := r.include(list[0].text)
	if err != nil {
		r.p.warn(t.line, "include: %v, statement skipped", err)
		return
	}
	r.depth++
	err = r.file(list[0].text, src, s)
	r.depth--
	if err != nil {
		r.p.fail(err)
	}
}

// interfaceBlock reads the statements for one interface. Its first block
// begins with what the file has said so far; another goes on with that.
func (r *confReader) interfaceBlock(t token, inner bool) {
	name := r.p.advance()
	switch {
	case inner:
		r.p.reject(t, "a block in a block")
		return
	case name.kind != aString || name.text == "" || len(name.text) > 64:
		r.p.reject(t, "%v is not a name in quotes", name)
		return
	case len(r.config.blocks) == maxStatements:
		r.p.reject(t, "more than %d", maxStatements)
		return
	}
	s := r.config.find(name.text)
	if s == nil {
		s = &scope{name: name.text, settings: r.config.global.clone()}
		r.config.blocks = append(r.config.blocks, s)
	}
	p := r.p
	p.block(t, func() { r.statement(s) })
}

// lease reads a lease for when no server answers.
func (r *confReader) lease(t token) {
	b, ok := readBlock(r.p, t, r.config.Options)
	switch {
	case !ok:
	case b.Interface == "":
		r.p.warn(t.line, "lease: names no interface, skipped")
	case !b.Address.IsValid():
		r.p.warn(t.line, "lease: no fixed-address, skipped")
	case b.Expire.IsZero() && !b.Never:
		r.p.warn(t.line, "lease: no expire, so that it is over, skipped")
	case len(r.config.leases) == maxStatements:
		r.p.warn(t.line, "lease: more than %d, skipped", maxStatements)
	default:
		r.config.leases = append(r.config.leases, b)
	}
}

// whyNot says why a statement has no effect.
func whyNot(word string) string {
	switch word {
	case "alias", "media", "medium", "pseudo", "vendor", "hardware", "anycast-mac", "omapi", "key", "zone",
		"do-forward-updates", "db-time-format", "lease-id-format",
		"ignore", "accept", "prefer", "dont", "deny", "allow",
		"on", "switch", "set", "unset", "eval", "define", "execute", "log", "break", "add", "return",
		"use-host-decl-names", "server-duid", "ddns-updates", "ddns-update-style", "authoritative":
		return "not supported"
	case "else", "elsif":
		return "without an if"
	}
	return "not a statement of dhclient.conf"
}
