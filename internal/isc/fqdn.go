package isc

import (
	"errors"
	"strings"
)

// The options of the space fqdn that a client sends, by their numbers in
// dhcp-options(5).
const (
	fqdnNoClientUpdate = iota + 1
	fqdnServerUpdate
	fqdnEncoded
	fqdnRcode1
	fqdnRcode2
	fqdnHostname
	fqdnDomainname
	fqdnName
)

var fqdnOptions = map[string]uint8{
	"no-client-update": fqdnNoClientUpdate, "server-update": fqdnServerUpdate, "encoded": fqdnEncoded, "fqdn": fqdnName,
}

// fqdnValue reads "send fqdn.NAME VALUE;".
func (r *confReader) fqdnValue(t token, n name, s *scope) {
	sub, ok := fqdnOptions[n.option]
	if !ok {
		r.p.reject(t, "%s is not sent", n)
		return
	}
	parse := parseFlag
	if sub == fqdnName {
		parse = parseText
	}
	if e := r.value(t, n, parse); e != nil {
		s.statements = append(s.statements, statement{op: opSend, fqdn: sub, value: e})
	}
}

// parseFlag reads a truth.
func parseFlag(list []token) ([]byte, error) {
	if len(list) == 1 {
		switch t := list[0]; {
		case t.is("true") || t.is("on"):
			return []byte{1}, nil
		case t.is("false") || t.is("off"):
			return []byte{0}, nil
		}
	}
	return nil, errors.New("not true or false")
}

// A fqdn is option 81 while its parts are gathered (RFC 4702 2).
type fqdn struct {
	flags byte
	name  string
	given bool
}

// The bits of the flags of option 81.
const (
	fqdnS = 1 << iota // the server is to update the address record
	_
	fqdnE // the name is in the form of RFC 1035
	fqdnN // nobody is to update
)

func (f *fqdn) set(sub uint8, v []byte, ok bool) {
	bit := byte(0)
	switch sub {
	case fqdnName:
		f.name, f.given = string(v), ok && len(v) > 0
		return
	case fqdnServerUpdate:
		bit = fqdnS
	case fqdnEncoded:
		bit = fqdnE
	case fqdnNoClientUpdate:
		bit = fqdnN
	}
	f.flags &^= bit
	if ok && len(v) == 1 && v[0] != 0 {
		f.flags |= bit
	}
}

// option is the value of option 81; nil if no name was given, or one that
// cannot be encoded.
func (f *fqdn) option() []byte {
	if !f.given {
		return nil
	}
	v := []byte{f.flags, 0, 0}
	if f.flags&fqdnE == 0 {
		return append(v, f.name...)
	}
	// A name without its last dot is a part of one, and has no root.
	whole, full := strings.CutSuffix(f.name, ".")
	for label := range strings.SplitSeq(whole, ".") {
		if len(label) == 0 || len(label) > 63 {
			return nil
		}
		v = append(append(v, byte(len(label))), label...)
	}
	if full {
		v = append(v, 0)
	}
	return v
}
