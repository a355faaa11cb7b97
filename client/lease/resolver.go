package lease

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

const optDNR = 162 // RFC 9463 5

// maxResolvers is how many resolvers of option 162 are taken.
const maxResolvers = 16

// A Resolver is a DNS resolver that is spoken to in private (RFC 9463).
type Resolver struct {
	// Priority is 1 or more; the least is the best.
	Priority uint16
	// Name is the name that the resolver's certificate must have, a valid host
	// name.
	Name string
	// Addrs are its addresses, each once; nil where Name is to be looked up.
	Addrs []netip.Addr
	// ALPN are the protocols that it speaks, as dot, doq and h2 (RFC 9461 4.1);
	// nil only where there are no Addrs.
	ALPN []string
	// Port is where it listens; 0 is the port of the protocol.
	Port uint16
	// DOHPath is the template of the path for DNS over HTTPS, which begins with a
	// slash (RFC 9461 5); empty for none.
	DOHPath string
}

// Resolvers is option 162, the encrypted resolvers of the network, the best first;
// nil for none. One that is malformed, or that a client could not use, is left out,
// and the others stay (RFC 9463 5.2).
func (l *Lease) Resolvers() (list []Resolver) {
	for v := l.Options[optDNR]; len(v) >= 2 && len(list) < maxResolvers; {
		n := int(binary.BigEndian.Uint16(v))
		if len(v) < 2+n {
			break // nothing behind it can be told to be one
		}
		var r Resolver
		if r.read(v[2 : 2+n]) {
			list = append(list, r)
		}
		v = v[2+n:]
	}
	slices.SortStableFunc(list, func(a, b Resolver) int { return int(a.Priority) - int(b.Priority) })
	return list
}

// read reads one instance: a priority, a name and, unless they are left out,
// addresses and parameters (RFC 9463 5.1).
func (r *Resolver) read(v []byte) bool {
	if len(v) < 3 {
		return false
	}
	// Priority 0 would name another name to ask for (RFC 9460 2.4.2), which
	// takes the resolver that this one is to replace (RFC 9463 3.1).
	if r.Priority = binary.BigEndian.Uint16(v); r.Priority == 0 {
		return false
	}
	name, v, ok := cut(v[2:])
	if !ok || nameEnd(name, 0) != len(name) {
		return false
	}
	if r.Name = expand(name, 0); !ValidName(r.Name) {
		return false
	}
	if len(v) == 0 {
		return true // the name only
	}
	addrs, params, ok := cut(v)
	if !ok || len(addrs) == 0 || len(addrs)%4 != 0 {
		return false
	}
	r.Addrs = servers(addrs) // loopback and multicast are not (RFC 9463 5.2)
	// Without a protocol there is none to speak: none is the default.
	return len(r.Addrs) > 0 && r.params(params) && len(r.ALPN) > 0
}

// cut takes what stands behind an octet that says how long it is.
func cut(v []byte) (field, rest []byte, ok bool) {
	if len(v) == 0 || len(v) < 1+int(v[0]) {
		return nil, nil, false
	}
	return v[1 : 1+int(v[0])], v[1+int(v[0]):], true
}

// The parameters that a client must know (RFC 9463 3.1.5), by their keys (RFC 9460
// 14.3.2).
const (
	keyMandatory = 0
	keyALPN      = 1
	keyPort      = 3
	keyDOHPath   = 7
)

// params reads service parameters: a key, a length and a value each, the keys in
// ascending order (RFC 9460 2.2).
func (r *Resolver) params(v []byte) bool {
	for last := -1; len(v) > 0; {
		if len(v) < 4 {
			return false
		}
		key, n := int(binary.BigEndian.Uint16(v)), int(binary.BigEndian.Uint16(v[2:]))
		if key <= last || len(v) < 4+n || !r.param(key, v[4:4+n]) {
			return false
		}
		last, v = key, v[4+n:]
	}
	return true
}

// param takes one parameter; not ok is one that makes the resolver unusable. Any
// other that is not known changes nothing (RFC 9460 2.2).
func (r *Resolver) param(key int, v []byte) bool {
	switch key {
	case keyMandatory:
		return understood(v)
	case keyALPN:
		for len(v) > 0 {
			id, rest, ok := cut(v)
			if !ok || len(id) == 0 {
				return false
			}
			if s := string(id); isToken(s) && !slices.Contains(r.ALPN, s) && len(r.ALPN) < maxServers {
				r.ALPN = append(r.ALPN, s)
			}
			v = rest
		}
	case keyPort:
		if len(v) != 2 {
			return false
		}
		r.Port = binary.BigEndian.Uint16(v)
	case keyDOHPath:
		s := string(v)
		if !strings.HasPrefix(s, "/") || !ValidHeaderText(s, maxText) || strings.ContainsAny(s, " \"<>\\") {
			return false
		}
		r.DOHPath = s
	}
	return true
}

// understood says that of the keys that a client must know there is none that we
// do not (RFC 9460 8).
func understood(keys []byte) bool {
	if len(keys) == 0 || len(keys)%2 != 0 {
		return false
	}
	for ; len(keys) > 0; keys = keys[2:] {
		switch binary.BigEndian.Uint16(keys) {
		case keyALPN, keyPort, keyDOHPath:
		default:
			return false
		}
	}
	return true
}

// isToken says that s is the name of a protocol as those in use are: letters,
// digits and a few marks.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("-._/", c) < 0 {
			return false
		}
	}
	return s != ""
}

// writeResolvers is the row of option 162.
func writeResolvers(o *object, name string, l *Lease) {
	var list []object
	for _, r := range l.Resolvers() {
		var one object
		one.number("priority", int64(r.Priority))
		one.text("name", r.Name)
		one.addrs("addresses", r.Addrs)
		one.texts("alpn", r.ALPN)
		if r.Port != 0 {
			one.number("port", int64(r.Port))
		}
		one.text("doh_path", r.DOHPath)
		list = append(list, one)
	}
	o.objects(name, list)
}
