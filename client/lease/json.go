package lease

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// document is the JSON form of a Lease: what programs read and what is stored.
// Times are RFC 3339, lease times whole seconds as on the wire, bytes in hex.
type document struct {
	Address       string            `json:"address"`
	Broadcast     string            `json:"broadcast,omitempty"`
	Server        string            `json:"server,omitempty"`
	Start         time.Time         `json:"start"`
	ExpiresAt     *time.Time        `json:"expires_at,omitempty"`
	LeaseSeconds  uint32            `json:"lease_seconds"`
	RenewSeconds  float64           `json:"renew_seconds,omitempty"`
	RebindSeconds float64           `json:"rebind_seconds,omitempty"`
	Routes        []documentRoute   `json:"routes,omitempty"`
	DNS           []netip.Addr      `json:"dns,omitempty"`
	Domain        string            `json:"domain,omitempty"`
	Search        []string          `json:"search,omitempty"`
	Hostname      string            `json:"hostname,omitempty"`
	MTU           int               `json:"mtu,omitempty"`
	NTP           []netip.Addr      `json:"ntp,omitempty"`
	CaptivePortal string            `json:"captive_portal,omitempty"`
	NextServer    string            `json:"next_server,omitempty"`
	ServerName    string            `json:"server_name,omitempty"`
	BootFile      string            `json:"boot_file,omitempty"`
	HardwareAddr  string            `json:"hardware_addr,omitempty"`
	ClientID      string            `json:"client_id,omitempty"`
	RouterMAC     string            `json:"router_mac,omitempty"`
	Options       map[string]string `json:"options,omitempty"`
}

type documentRoute struct {
	Dst     netip.Prefix `json:"dst"`
	Gateway string       `json:"gateway,omitempty"`
}

// UnmarshalJSON reads what MarshalJSON wrote. It accepts nothing that a Lease
// must not hold: the file may have been written by anybody.
func (l *Lease) UnmarshalJSON(b []byte) error {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	out := Lease{
		Start: d.Start.Round(0).UTC(), Valid: time.Duration(d.LeaseSeconds) * time.Second,
		DNS: d.DNS, Domain: d.Domain, Search: d.Search, Hostname: d.Hostname, MTU: d.MTU, NTP: d.NTP,
		CaptivePortal: d.CaptivePortal, ServerName: d.ServerName, BootFile: d.BootFile,
	}
	p := parser{}
	out.Address, out.Bits = p.prefix("address", d.Address)
	out.Broadcast = p.addr("broadcast", d.Broadcast)
	out.Server = p.addr("server", d.Server)
	out.NextServer = p.addr("next_server", d.NextServer)
	out.T1 = p.seconds("renew_seconds", d.RenewSeconds)
	out.T2 = p.seconds("rebind_seconds", d.RebindSeconds)
	for _, r := range d.Routes {
		out.Routes = append(out.Routes, Route{r.Dst, p.addr("gateway", r.Gateway)})
	}
	out.HardwareAddr = p.mac("hardware_addr", d.HardwareAddr)
	out.RouterMAC = p.mac("router_mac", d.RouterMAC)
	out.ClientID = p.bytes("client_id", d.ClientID)
	for code, v := range d.Options {
		n, err := strconv.ParseUint(code, 10, 8)
		if err != nil {
			p.fail("options", fmt.Errorf("%q is not an option code", code))
			continue
		}
		if out.Options == nil {
			out.Options = make(map[uint8][]byte, len(d.Options))
		}
		out.Options[uint8(n)] = p.bytes("option "+code, v)
	}
	if p.err == nil {
		p.err = out.check()
	}
	if p.err != nil {
		return p.err
	}
	*l = out
	return nil
}

func addrString(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func macString(a HardwareAddr) string {
	if a.IsZero() {
		return ""
	}
	return a.String()
}

// A parser keeps the first error of a document, and what field it is of.
type parser struct{ err error }

func (p *parser) fail(field string, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", field, err)
	}
}

// prefix reads an address with or without a prefix length.
func (p *parser) prefix(field, s string) (netip.Addr, int) {
	if pfx, err := netip.ParsePrefix(s); err == nil {
		return pfx.Addr(), pfx.Bits()
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		p.fail(field, err)
	}
	return a, 0
}

func (p *parser) addr(field, s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err == nil && !a.Is4() {
		err = errors.New("not an IPv4 address")
	}
	if err != nil {
		p.fail(field, err)
		return netip.Addr{}
	}
	return a
}

func (p *parser) seconds(field string, s float64) time.Duration {
	if !(s >= 0 && s <= Infinite.Seconds()) {
		p.fail(field, errors.New("out of range"))
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

func (p *parser) bytes(field, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		p.fail(field, err)
		return nil
	}
	if len(b) == 0 {
		return nil
	}
	return b
}

func (p *parser) mac(field, s string) (a HardwareAddr) {
	if s == "" {
		return a
	}
	ok := len(s) == 17
	for i := 0; ok && i < 6; i++ {
		n, err := strconv.ParseUint(s[3*i:3*i+2], 16, 8)
		ok = err == nil && (i == 5 || s[3*i+2] == ':')
		a[i] = byte(n)
	}
	if !ok {
		p.fail(field, errors.New("not an Ethernet address"))
		return HardwareAddr{}
	}
	return a
}
