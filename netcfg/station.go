package netcfg

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// stationsAge is how old the list of IsStation may be. A flood of frames from
// strangers must not become one of lists.
const stationsAge = 200 * time.Millisecond

// stations are the hardware addresses of all links, as they were.
type stations struct {
	mu   sync.Mutex
	all  [][]byte
	read time.Time
}

// IsStation says that a link of the namespace, whatever state it is in, has that
// hardware address: an ARP answer from there is the host's own. The kernel answers
// for each address of the host on each link, also on one that has none (arp_ignore
// of ip-sysctl). What the kernel does not say is not so.
func (ns *Namespace) IsStation(mac net.HardwareAddr) bool {
	s := &ns.stations
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) > stationsAge {
		links, err := ns.links()
		if err != nil {
			ns.log.Warn("the links of this host cannot be listed", "err", err)
			return false
		}
		s.all = s.all[:0]
		for _, l := range links {
			if l.ownAddr() {
				s.all = append(s.all, bytes.Clone(l.hwAddr))
			}
		}
		s.read = time.Now()
	}
	for _, own := range s.all {
		if bytes.Equal(own, mac) {
			return true
		}
	}
	return false
}
