// Package inherit reads what others that ran before us say of an address that they
// got by DHCP: klibc's ipconfig, as initramfs-tools and dracut call it, and the
// kernel's ip=dhcp (net/ipv4/ipconfig.c). Nothing is executed and nothing is
// expanded: a shell would read these files as its own words.
package inherit

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// MaxFile is the length of the longest file that is read, in octets: those that
// are written have less than a tenth of it.
const MaxFile = 16 << 10

// A Record is an address that was got by DHCP, of whichever server and for an
// unknown time.
type Record struct {
	Address netip.Addr
	// Bits is the length of its mask, 8 to 32; 0 if that is not said.
	Bits int
	// Router is the zero Addr if there is none.
	Router netip.Addr
}

// ErrNotDHCP says that a file is of an address that was not got by DHCP.
var ErrNotDHCP = errors.New("the address is not from DHCP")

// Klibc reads a file /run/net-LINK.conf of klibc's ipconfig. The error is
// ErrNotDHCP, or names the line and what is wrong there.
func Klibc(text []byte, link string) (Record, error) {
	vars, err := assignments(text)
	if err != nil {
		return Record{}, err
	}
	if vars["DEVICE"] != link {
		return Record{}, fmt.Errorf("DEVICE is %.40q, not %q", vars["DEVICE"], link)
	}
	if vars["PROTO"] != "dhcp" {
		return Record{}, ErrNotDHCP
	}
	var r Record
	if r.Address, err = address(vars, "IPV4ADDR"); err != nil {
		return Record{}, err
	}
	if !r.Address.IsValid() {
		return Record{}, errors.New("IPV4ADDR is missing")
	}
	if r.Bits, err = mask(vars["IPV4NETMASK"]); err != nil {
		return Record{}, err
	}
	if r.Router, err = address(vars, "IPV4GATEWAY"); err != nil {
		return Record{}, err
	}
	return r, nil
}

// KernelDHCP says that text, which is that of /proc/net/pnp, is of an address that
// the kernel got by DHCP at boot. It does not say which, nor of which link.
func KernelDHCP(text []byte) bool {
	first, _, _ := strings.Cut(string(text), "\n")
	return first == "#PROTO: DHCP"
}

// Lease is the record as a lease that the client at that hardware address can ask
// a server for: these clients send no client identifier. It begins when the machine
// did, before any other, and that it never ends is nobody's word: a server is to
// say.
func (r Record) Lease(at lease.HardwareAddr) *lease.Lease {
	l := &lease.Lease{
		Address: r.Address, Bits: r.Bits, HardwareAddr: at,
		Start: lease.Now().Add(-lease.SinceBoot()), Valid: lease.Infinite,
	}
	if r.Router.IsValid() {
		l.Routes = []lease.Route{{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: r.Router}}
	}
	return l
}

// address is that of a variable, the zero Addr for none, which 0.0.0.0 is too.
func address(vars map[string]string, name string) (netip.Addr, error) {
	if s := vars[name]; s != "" && s != "0.0.0.0" {
		a, err := netip.ParseAddr(s)
		if err != nil || !lease.UsableAddr(a) {
			return netip.Addr{}, fmt.Errorf("%s is %.40q, which no station can have", name, s)
		}
		return a, nil
	}
	return netip.Addr{}, nil
}

// mask is the length of a mask, 0 for none.
func mask(s string) (int, error) {
	if s == "" || s == "0.0.0.0" {
		return 0, nil
	}
	a, err := netip.ParseAddr(s)
	if err == nil && a.Is4() {
		for bits := 8; bits <= 32; bits++ {
			if p := netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), bits); p.Masked().Addr() == a {
				return bits, nil
			}
		}
	}
	return 0, fmt.Errorf("IPV4NETMASK is %.40q, which is no mask", s)
}
