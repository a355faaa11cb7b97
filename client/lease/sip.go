package lease

import "net/netip"

const optSIPServers = 120 // RFC 3361 3

// How the servers of option 120 are written.
const (
	sipNames = 0
	sipAddrs = 1
)

// SIPServers is option 120: the outbound proxies of SIP, which are all names or
// all addresses, in order, each once; nil for none, or for a way of writing them
// that does not exist.
func (l *Lease) SIPServers() (list []string) {
	v := l.Options[optSIPServers]
	if len(v) == 0 {
		return nil
	}
	switch v[0] {
	case sipNames:
		return SearchList(v[1:])
	case sipAddrs:
		return addrTexts(servers(v[1:]))
	}
	return nil
}

func addrTexts(addrs []netip.Addr) (list []string) {
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return list
}
