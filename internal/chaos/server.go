package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A server is one that runs or not, on a station of its own.
type server struct {
	l    *lab
	dir  dirStage
	kind servers.Kind
	opts servers.Options
	proc *servers.Server
	on   bool
}

// dirStage remembers the directory that it gives to a server.
type dirStage struct {
	*stage
	dir *string
}

func (d dirStage) TempDir() string {
	*d.dir = d.stage.TempDir()
	return *d.dir
}

// poolSize is more addresses than a run declines or leaves to other hardware
// addresses.
const poolSize = 70

// newServer plugs a server into a switch, with the addresses from first on.
func newServer(l *lab, port, to string, kind servers.Kind, addr netip.Prefix, first byte) *server {
	a := addr.Addr().As4()
	host := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{a[0], a[1], a[2], n}) }
	s := &server{l: l, kind: kind, dir: dirStage{l.stage, new(string)}}
	s.opts = servers.Options{
		NS: l.join(port, to), Interface: linkName, ServerAddr: addr,
		PoolFirst: host(first), PoolLast: host(first + poolSize - 1), Lease: 10 * time.Second,
		Router: host(1), DNS: []netip.Addr{host(a[3] + 2)}, Domain: "example.org",
	}
	return s
}

// name is what a person calls it.
func (s *server) name() string {
	if s == s.l.away {
		return "the other network's " + string(s.kind)
	}
	return string(s.kind)
}

func (s *server) start() {
	switch {
	case s.on:
		return
	case s.proc == nil:
		s.proc = servers.Start(s.dir, s.kind, s.opts)
	default:
		s.proc.Restart(s.dir, s.opts)
	}
	s.on = true
}

func (s *server) stop() {
	if s.on {
		s.proc.Stop(s.dir)
	}
	s.on = false
}

// forget loses the database of a server that is stopped.
func (s *server) forget() {
	for _, pattern := range []string{"dnsmasq.leases", "kea-leases4.csv*"} {
		found, err := filepath.Glob(filepath.Join(*s.dir.dir, pattern))
		s.l.must("find the database", err)
		for _, file := range found {
			s.l.must("lose the database", os.Remove(file))
		}
	}
}
