// Package inherit reads what others that ran before us say of an address that they
// got by DHCP: klibc's ipconfig, as initramfs-tools and dracut call it, and the
// kernel's ip=dhcp (net/ipv4/ipconfig.c). Nothing is executed and nothing is
// expanded: a shell would read these files as its own words.
package inherit

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// MaxFile is the length of the longest file that is read, in octets: those that
// are written have less than a tenth of it.
const MaxFile = 16 << 10

// A Record is an address that was got by DHCP, of whichever server.
type Record struct {
	Address netip.Addr
	// Bits is the length of its mask, 8 to 32; 0 if that is not said.
	Bits int
	// Router is the zero Addr if there is none.
	Router netip.Addr
	// Valid is the time of the lease, lease.Infinite for one without an end, 0 if
	// that is not said. Began is when it was granted, since boot.
	Valid, Began time.Duration
}

// ErrNotDHCP says that a file is of an address that was not got by DHCP.
var ErrNotDHCP = errors.New("the address is not from DHCP")

// ErrBOOTP is an ErrNotDHCP: the address is from BOOTP, which gives it for good (RFC
// 1534 2), and no DHCP server has to know of it.
var ErrBOOTP = fmt.Errorf("%w, but from BOOTP", ErrNotDHCP)

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
	switch vars["PROTO"] {
	case "dhcp":
	case "bootp":
		return Record{}, ErrBOOTP
	default:
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
	if r.Valid, r.Began, err = times(vars); err != nil {
		return Record{}, err
	}
	return r, nil
}

// times are those of the lease. UPTIME is of when it was granted, in seconds since
// boot (sysinfo(2), which rounds up).
func times(vars map[string]string) (valid, began time.Duration, err error) {
	if valid, err = seconds(vars, "DHCPLEASETIME"); err != nil || valid == 0 || vars["UPTIME"] == "" {
		return 0, 0, err
	}
	if began, err = seconds(vars, "UPTIME"); err != nil {
		return 0, 0, err
	}
	if began = max(began-time.Second, 0); began > lease.SinceBoot() {
		return 0, 0, fmt.Errorf("UPTIME is %s, which is later than now: it is of another boot", vars["UPTIME"])
	}
	return valid, began, nil
}

// seconds is the time that a variable says, 0 for none.
func seconds(vars map[string]string, name string) (time.Duration, error) {
	s := vars[name]
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is %.40q, which is no number of seconds", name, s)
	}
	return time.Duration(n) * time.Second, nil
}

// KernelDHCP says that text, which is that of /proc/net/pnp, is of an address that
// the kernel got by DHCP at boot. It does not say which, nor of which link.
func KernelDHCP(text []byte) bool {
	first, _, _ := strings.Cut(string(text), "\n")
	return first == "#PROTO: DHCP"
}

// KernelBOOTP is KernelDHCP of an address from BOOTP: see ErrBOOTP.
func KernelBOOTP(text []byte) bool {
	first, _, _ := strings.Cut(string(text), "\n")
	return first == "#PROTO: BOOTP"
}

// lastChance is how long an address stays at least whose time is over: these clients
// do not renew it, and what the machine was booted from may be reached by it.
const lastChance = time.Minute

// Lease is the record as a lease that the client at that hardware address can ask
// a server for: these clients send no client identifier. Where its time is not known
// it begins when the machine did, before any other, and that it never ends is
// nobody's word: a server is to say. One that is over has a minute for that.
func (r Record) Lease(at lease.HardwareAddr) *lease.Lease {
	age := lease.SinceBoot() - r.Began
	l := &lease.Lease{
		Address: r.Address, Bits: r.Bits, HardwareAddr: at,
		Start: lease.Now().Add(-age), Valid: lease.Infinite,
	}
	if r.Valid != 0 && r.Valid != lease.Infinite {
		l.Valid = max(r.Valid, (age + lastChance).Truncate(time.Second))
		l.T1, l.T2 = l.Valid/2, l.Valid/8*7 // RFC 2131 4.4.5
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
