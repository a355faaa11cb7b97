package netcfg

import (
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Links is where is found how links are: a Namespace asks for each, a snapshot has
// asked for all of them.
type links interface {
	linkByIndex(index int) (info linkInfo, found bool, err error)
	linkByName(name string) (info linkInfo, found bool, err error)
	// prefixes are the IPv4 addresses of a link.
	prefixes(index int) ([]netip.Prefix, error)
}

// A snapshot is how all links of a namespace were.
type snapshot struct {
	infos     []linkInfo
	indexes   map[int]int    // in infos
	names     map[string]int // in infos; alternative ones too
	addresses map[int][]netip.Prefix
}

// snapshot asks for all links and all addresses: two requests.
func (ns *Namespace) snapshot() (*snapshot, error) {
	infos, err := ns.links()
	if err != nil {
		return nil, err
	}
	ns.listed.Store(int64(len(infos)))
	s := &snapshot{infos: infos, indexes: make(map[int]int, len(infos)), names: make(map[string]int, len(infos))}
	for i := range infos {
		s.indexes[infos[i].index] = i
		s.names[infos[i].name] = i
		for _, name := range infos[i].others {
			s.names[name] = i
		}
	}
	s.addresses, err = ns.allPrefixes()
	return s, err
}

func (s *snapshot) linkByIndex(index int) (linkInfo, bool, error) {
	i, found := s.indexes[index]
	if !found {
		return linkInfo{}, false, nil
	}
	return s.infos[i], true, nil
}

func (s *snapshot) linkByName(name string) (linkInfo, bool, error) {
	i, found := s.names[name]
	if !found {
		return linkInfo{}, false, nil
	}
	return s.infos[i], true, nil
}

func (s *snapshot) prefixes(index int) ([]netip.Prefix, error) { return s.addresses[index], nil }

// linkState is what watchers and transports get to know.
func linkState(from links, l linkInfo) (lease.LinkState, error) {
	s := lease.LinkState{Index: l.index, Name: l.name, MTU: l.mtu, Carrier: l.carrier(), CarrierChanges: l.changes}
	copy(s.HardwareAddr[:], l.hwAddr)
	var err error
	s.Addresses, err = from.prefixes(l.index)
	return s, err
}
