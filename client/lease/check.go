package lease

import (
	"errors"
	"fmt"
	"net/netip"
)

// check says what a held lease must not be: the invariants of the fields that
// matter to the link and the protocol.
func (l *Lease) check() error {
	switch {
	case !UsableAddr(l.Address):
		return fmt.Errorf("address: %v cannot be leased", l.Address)
	case l.Bits != 0 && (l.Bits < 8 || l.Bits > 32):
		return fmt.Errorf("address: prefix length %d", l.Bits)
	case l.Server.IsValid() && !UsableAddr(l.Server):
		return fmt.Errorf("server: %v cannot be a server", l.Server)
	case l.Valid <= 0:
		return errors.New("lease_seconds: a lease of no time")
	case !l.IsInfinite() && (l.T1 <= 0 || l.T1 >= l.T2 || l.T2 >= l.Valid):
		return fmt.Errorf("renew_seconds, rebind_seconds: %v and %v of %v", l.T1, l.T2, l.Valid)
	case l.IsInfinite() && (l.T1 != 0 || l.T2 != 0):
		return errors.New("renew_seconds: of a lease that never ends")
	case l.MTU != 0 && (l.MTU < 68 || l.MTU > 65535):
		return fmt.Errorf("mtu: %d", l.MTU)
	case len(l.ClientID) > 255:
		return errors.New("client_id: longer than 255 octets")
	case l.NextServer.IsValid() && !UsableAddr(l.NextServer):
		return fmt.Errorf("next_server: %v cannot be a server", l.NextServer)
	case l.CaptivePortal != "" && !ValidURL(l.CaptivePortal):
		return errors.New("captive_portal: not a URL of http or https")
	case !ValidHeaderText(l.ServerName, MaxServerName):
		return errors.New("server_name: not printable ASCII, or too long")
	case !ValidHeaderText(l.BootFile, MaxBootFile):
		return errors.New("boot_file: not printable ASCII, or too long")
	}
	for _, r := range l.Routes {
		if !r.Dst.IsValid() || !r.Dst.Addr().Is4() || r.Dst != r.Dst.Masked() {
			return fmt.Errorf("routes: destination %v", r.Dst)
		}
		if g := r.Gateway; g.IsValid() && !g.IsUnspecified() && !UsableAddr(g) {
			return fmt.Errorf("routes: gateway %v", g)
		}
	}
	for _, a := range l.DNS {
		if !UsableAddr(a) && !(a.Is4() && a.IsLoopback()) { // a configuration may add its own
			return fmt.Errorf("dns: %v cannot be a server", a)
		}
	}
	for _, a := range l.NTP {
		if !UsableAddr(a) {
			return fmt.Errorf("ntp: %v cannot be a server", a)
		}
	}
	for _, n := range append([]string{l.Domain, l.Hostname}, l.Search...) {
		if n != "" && !ValidName(n) {
			return fmt.Errorf("%q is not a host name", n)
		}
	}
	return nil
}

// UsableAddr says that a host can have a: an IPv4 unicast address, and not one
// of 0/8, 127/8 or 240/4 (RFC 1122 3.2.1.3).
func UsableAddr(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	first := a.As4()[0]
	return first != 0 && first != 127 && first < 224
}

// The lengths of the fields sname and file of a message (RFC 2131 2), and so of
// Lease.ServerName and Lease.BootFile.
const (
	MaxServerName = 64
	MaxBootFile   = 128
)

// ValidHeaderText says that s is printable ASCII of n octets at most: what
// Lease.ServerName and Lease.BootFile may be.
func ValidHeaderText(s string, n int) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= n
}

// ValidName says that s is a host or domain name: labels of letters, digits and
// hyphens, 1 to 63 octets each and not with a hyphen at an end, 253 in all, and
// not an address (RFC 952, RFC 1123 2.1).
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if n := i - start; n == 0 || n > 63 || s[start] == '-' || s[i-1] == '-' {
				return false
			}
			start = i + 1
			continue
		}
		c := s[i] | 0x20
		if !(c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-') {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}
