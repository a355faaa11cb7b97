package dhcptest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Server answers DHCP messages. It has no socket, no clock and no goroutine;
// its methods may be called from any.
type Server struct {
	mu       sync.Mutex
	cfg      Config
	bindings table
	received map[dhcpv4.MessageType]int
}

// NewServer makes a server without leases. Maps and slices of cfg stay shared
// with the caller and must not change: see Configure.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure DHCP server %v: %w", cfg.ServerID, err)
	}
	return &Server{cfg: cfg.complete(), bindings: newTable(), received: map[dhcpv4.MessageType]int{}}, nil
}

// Configure changes the configuration; leases stay. A change that makes no sense
// is an error and is not made.
func (s *Server) Configure(change func(*Config)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := s.cfg
	change(&cfg)
	if err := cfg.check(); err != nil {
		return fmt.Errorf("configure DHCP server %v: %w", cfg.ServerID, err)
	}
	s.cfg = cfg.complete()
	return nil
}

// ID is the server's address.
func (s *Server) ID() netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.ServerID
}

// Bindings returns the lease table, in the order of the addresses.
func (s *Server) Bindings() []Binding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bindings.all()
}

// Binding returns what is known of an address; ok is false for nothing.
func (s *Server) Binding(addr netip.Addr) (b Binding, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.bindings.byAddr[addr]; p != nil {
		return *p, true
	}
	return Binding{}, false
}

// Forget empties the lease table, as a server does that was installed anew.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bindings = newTable()
}

// Received counts the messages that came, by type, those that were ignored
// among them.
func (s *Server) Received() map[dhcpv4.MessageType]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.received)
}

// A Reply is a message that a Server sends.
type Reply struct {
	// Payload is the message.
	Payload []byte
	// Dst is where it goes: port 68 of a client, or port 67 of a relay agent.
	Dst netip.AddrPort
	// Src is where it comes from; the zero value is port 67 of the server's
	// address.
	Src netip.AddrPort
	// MAC is the station that gets it, all ones for everybody; the zero value
	// is the station that the request came from.
	MAC lease.HardwareAddr
	// Delay is how long the server thinks before it sends.
	Delay time.Duration
}

// Handle answers a message that came at now. What is not a request of an
// Ethernet client is not answered.
func (s *Server) Handle(now time.Time, payload []byte) []Reply {
	req, err := dhcpv4.FromBytes(payload)
	if err != nil || req.OpCode != dhcpv4.OpcodeBootRequest || req.HWType != iana.HWTypeEthernet || len(req.ClientHWAddr) != 6 {
		return nil
	}
	cfg, heard := s.hear(req.MessageType())
	if !heard {
		return nil
	}
	// The hooks may look at the server.
	out := cfg.encode(req, s.decide(now, req))
	if cfg.Script != nil {
		out = cfg.Script(req, out)
	}
	for i := range out {
		if !out[i].Src.IsValid() {
			out[i].Src = netip.AddrPortFrom(cfg.ServerID, serverPort)
		}
	}
	return out
}

// hear counts a message, and says whether the server takes notice of it.
func (s *Server) hear(typ dhcpv4.MessageType) (cfg Config, heard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received[typ]++
	return s.cfg, !s.cfg.Silent && !slices.Contains(s.cfg.Ignore, typ)
}

// decide returns the answer, nil for silence.
func (s *Server) decide(now time.Time, req *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := s.cfg
	r := &request{DHCPv4: req, cfg: &cfg, t: &s.bindings, now: now, key: clientKey(req), mac: lease.HardwareAddr(req.ClientHWAddr)}
	switch req.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		return r.discover()
	case dhcpv4.MessageTypeRequest:
		return r.request()
	case dhcpv4.MessageTypeDecline:
		r.decline()
	case dhcpv4.MessageTypeRelease:
		r.release()
	case dhcpv4.MessageTypeInform:
		return r.inform()
	}
	return nil
}

// encode makes bytes of an answer, with the lies of Mutate and Rewrite.
func (c *Config) encode(req, reply *dhcpv4.DHCPv4) []Reply {
	if reply == nil {
		return nil
	}
	if c.Mutate != nil {
		c.Mutate(req, reply)
	}
	r := Reply{Payload: reply.ToBytes(), Delay: c.Delay}
	r.Dst, r.MAC = destination(req, reply)
	if c.Rewrite != nil {
		if r.Payload = c.Rewrite(r.Payload); r.Payload == nil {
			return nil
		}
	}
	return []Reply{r}
}

// clientKey is what tells clients apart (RFC 2131 4.2).
func clientKey(m *dhcpv4.DHCPv4) string {
	if id := m.Options.Get(dhcpv4.OptionClientIdentifier); len(id) != 0 {
		return "id " + string(id)
	}
	return "mac " + string(m.ClientHWAddr)
}
