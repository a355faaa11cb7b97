package isc

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// Options that are known here, by the names of dhcp-options(5).
const (
	codeMask        = 1
	codeRequested   = 50
	codeLeaseTime   = 51
	codeOverload    = 52
	codeType        = 53
	codeServerID    = 54
	codeParams      = 55
	codeMessage     = 56
	codeClientID    = 61
	codeRapidCommit = 80
	codeFQDN        = 81
)

// whyFixed says why an option cannot have a value from the file; empty if it
// can. dhclient lets all be set, to the harm of who does: a message is then not
// what it says, or is sent to nobody.
func whyFixed(o op, code uint8) string {
	switch code {
	case codeOverload, codeType:
		return "is what the message makes it"
	case codeServerID:
		return "is the server's own"
	case codeParams:
		if o == opSend {
			return "is what the request statement says"
		}
	case codeMessage, codeRapidCommit:
		if o == opSend {
			return "is not for a client to send"
		}
	case codeClientID:
		if o != opSend {
			return "is the client's own"
		}
	}
	return ""
}

// optionValue reads "send NAME VALUE;" and the like.
func (r *confReader) optionValue(t token, o op, s *scope) {
	n, err := readName(r.p)
	if err != nil {
		r.p.reject(t, "%v", err)
		return
	}
	if n.space == "fqdn" && o == opSend {
		r.fqdnValue(t, n, s)
		return
	}
	row, ok := n.find(r.config.Options)
	switch {
	case n.space != "":
		r.p.reject(t, "%s: option space %s is not supported", n, n.space)
		return
	case !ok:
		r.p.reject(t, "there is no option %s", n)
		return
	}
	if why := whyFixed(o, row.Code); why != "" {
		r.p.reject(t, "%s %s", n, why)
		return
	}
	if e := r.value(t, n, func(list []token) ([]byte, error) { return parseValue(r.p, row, list) }); e != nil {
		s.statements = append(s.statements, statement{op: o, row: row, value: e})
	}
}

// value reads the value of an option up to the semicolon: what parse makes of
// its text, or an expression after a =. It returns nil, and has said why, if
// there is none.
func (r *confReader) value(t token, n name, parse func([]token) ([]byte, error)) expression {
	list, ok := r.p.values()
	if !ok {
		r.p.reject(t, "%s: no semicolon after it", n)
		return nil
	}
	if len(list) > 0 && list[0].is("=") {
		e, err := parseExpression(list[1:])
		if err != nil {
			r.p.warn(t.line, "%s: %s: %v, statement skipped", t.text, n, err)
			return nil
		}
		return e
	}
	if len(list) == 0 { // "supersede NAME;" takes it away
		return constant(nil)
	}
	v, err := parse(list)
	if err != nil {
		r.p.warn(t.line, "%s: %s: %v, statement skipped", t.text, n, err)
		return nil
	}
	return constant(v)
}

// parseValue reads the value of an option that has no expression.
func parseValue(p *parser, row option.Row, list []token) ([]byte, error) {
	switch row.Kind {
	case option.Text, option.HostName, option.DomainName:
		if !isOpaque(row) {
			return parseText(list)
		}
	}
	return row.Parse(p.text(list))
}

// parseText reads one string in quotes, or one word.
func parseText(list []token) ([]byte, error) {
	if len(list) != 1 || list[0].kind == aMark {
		return nil, errors.New("wants one text in quotes")
	}
	return []byte(list[0].text), nil
}

// optionList reads the names of options into a list, in place of what it holds
// or behind that. A name of DHCPv6 is not meant for us; one that is unknown
// costs only itself.
func (r *confReader) optionList(t token, into *[]uint8, also bool) {
	if t.is("require") && r.p.tok.is("authentication") {
		r.p.reject(t, "authentication is not supported")
		return
	}
	var codes []uint8
	for !r.p.take(";") {
		at := r.p.tok
		n, err := readName(r.p)
		if err != nil {
			r.p.reject(t, "%v", err)
			return
		}
		row, ok := n.find(r.config.Options)
		switch {
		case ok && !slices.Contains(codes, row.Code):
			codes = append(codes, row.Code)
		case !ok && n.space != "dhcp6":
			r.p.warn(at.line, "%s: there is no option %s, name skipped", t.text, n)
		}
		if !r.p.take(",") && !r.p.tok.is(";") {
			r.p.reject(t, "%v after %s, not a comma or semicolon", r.p.tok, n)
			return
		}
	}
	if also {
		codes = slices.Concat(*into, slices.DeleteFunc(codes, func(c uint8) bool { return slices.Contains(*into, c) }))
	}
	*into = codes
}

// rejects reads addresses and prefixes of servers. dhclient adds them to those
// that it has.
func (r *confReader) rejects(t token, s *scope) {
	list, ok := r.p.values()
	if !ok {
		r.p.reject(t, "no semicolon after it")
		return
	}
	var found []netip.Prefix
	for _, part := range split(list) {
		text := r.p.text(part)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			a, err = netip.ParseAddr(text)
			p = netip.PrefixFrom(a, 32)
		}
		if err != nil || !p.Addr().Is4() || p.Bits() == 0 {
			r.p.warn(t.line, "reject: %q is not the address of a server, nor a prefix, statement skipped", brief(text))
			return
		}
		found = append(found, p.Masked())
	}
	if len(s.reject)+len(found) > maxStatements {
		r.p.warn(t.line, "reject: more than %d, statement skipped", maxStatements)
		return
	}
	s.reject = append(s.reject, found...)
}

// split cuts a list at its commas.
func split(list []token) (parts [][]token) {
	begin := 0
	for i, t := range list {
		if t.is(",") {
			parts, begin = append(parts, list[begin:i]), i+1
		}
	}
	return append(parts, list[begin:])
}

// RequestIP is the address of "send dhcp-requested-address"; the zero Addr for
// none.
func (i *Interface) RequestIP(f Facts) netip.Addr {
	v := i.sent(f)[codeRequested]
	a, ok := netip.AddrFromSlice(v)
	if !ok || !lease.UsableAddr(a) {
		return netip.Addr{}
	}
	return a
}

// SendOptions are the options that send statements give, by their code, but the
// address of RequestIP.
func (i *Interface) SendOptions(f Facts) map[uint8][]byte {
	out := i.sent(f)
	delete(out, codeRequested)
	return out
}

// sent are the values of all send statements.
func (i *Interface) sent(f Facts) map[uint8][]byte {
	out := map[uint8][]byte{}
	var name fqdn
	for _, s := range i.statements {
		if s.op != opSend {
			continue
		}
		v, ok := s.value(f)
		switch {
		case s.fqdn != 0:
			name.set(s.fqdn, v, ok)
		case ok && len(v) > 0:
			out[s.row.Code] = v
		default:
			delete(out, s.row.Code)
		}
	}
	if v := name.option(); v != nil {
		out[codeFQDN] = v
	}
	return out
}
