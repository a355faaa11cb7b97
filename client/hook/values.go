package hook

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// The options that a lease has fields for: those are what counts, since they were
// checked, and have what a renewal left out.
const (
	optMask       = 1
	optRouters    = 3
	optDNS        = 6
	optHostname   = 12
	optDomain     = 15
	optMTU        = 26
	optBroadcast  = 28
	optStatic     = 33
	optNTP        = 42
	optLeaseTime  = 51
	optServer     = 54
	optRenewTime  = 58
	optRebindTime = 59
	optPortal     = 114
	optSearch     = 119
	optClassless  = 121
)

// fields are the values of the options that l has fields for. One that is empty
// is not there.
func fields(l *lease.Lease) map[uint8]string {
	f := map[uint8]string{
		optMask:      mask(l),
		optRouters:   routers(l),
		optDNS:       addrs(l.DNS),
		optMTU:       "",
		optBroadcast: addr(l.Broadcast),
		optNTP:       addrs(l.NTP),
		optLeaseTime: seconds(l.Valid),
		optServer:    addr(l.Server),
		optSearch:    strings.Join(l.Search, " "),
	}
	if l.MTU > 0 {
		f[optMTU] = strconv.Itoa(l.MTU)
	}
	// What the fields cannot have is checked as all other texts are: the names
	// that some servers put into option 15 are several.
	if l.Domain != "" {
		f[optDomain] = l.Domain
	}
	if l.Hostname != "" {
		f[optHostname] = l.Hostname
	}
	if option.IsSafe(l.CaptivePortal) {
		f[optPortal] = l.CaptivePortal
	}
	return f
}

var errMalformed = errors.New("it is not what the option should hold")

// checked is the form of an option of l for scripts. What a lease carries for
// others is for them when it holds what it should: a zone of ../../x is all safe
// characters, and a path.
func checked(l *lease.Lease, code uint8, form func([]byte) (string, error)) (string, error) {
	if l.Malformed(code) {
		return "", errMalformed
	}
	return form(l.Options[code])
}

// codes are the options of l and of fields, in order.
func codes(l *lease.Lease, fields map[uint8]string) []uint8 {
	all := make([]uint8, 0, len(l.Options)+len(fields))
	for code := range l.Options {
		if _, ok := fields[code]; !ok {
			all = append(all, code)
		}
	}
	for code := range fields {
		all = append(all, code)
	}
	slices.Sort(all)
	return all
}

// hasRoutes says that the routes of l are those of option 121 or 33, by which
// they are given to scripts; else they are routers.
func hasRoutes(l *lease.Lease) bool {
	_, classless := l.Options[optClassless]
	_, static := l.Options[optStatic]
	return classless || static
}

// routers are the default routers: of option 3 where it came, else of the routes
// of the lease.
func routers(l *lease.Lease) string {
	if v := l.Options[optRouters]; len(v) > 0 && len(v)%4 == 0 {
		var list []netip.Addr
		for ; len(v) > 0; v = v[4:] {
			if a := netip.AddrFrom4([4]byte(v)); lease.UsableAddr(a) {
				list = append(list, a)
			}
		}
		return addrs(list)
	}
	if hasRoutes(l) {
		return ""
	}
	var list []netip.Addr
	for _, r := range l.Routes {
		if r.Dst.Bits() == 0 && lease.UsableAddr(r.Gateway) {
			list = append(list, r.Gateway)
		}
	}
	return addrs(list)
}

func mask(l *lease.Lease) string {
	if l.Bits == 0 {
		return ""
	}
	m := ^uint32(0) << (32 - l.Bits)
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}

// network is the subnet's address; empty without a mask.
func network(l *lease.Lease) string {
	if l.Bits == 0 {
		return ""
	}
	return l.Prefix().Masked().Addr().String()
}

// lastAddr is the last address of the subnet, which dhclient takes for its
// broadcast address where the server has not said one; empty without a mask.
func lastAddr(l *lease.Lease) string {
	if l.Bits == 0 {
		return ""
	}
	b := l.Prefix().Masked().Addr().As4()
	for i := l.Bits; i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b).String()
}

func addr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func addrs(list []netip.Addr) string {
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = a.String()
	}
	return strings.Join(words, " ")
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatInt(int64(d/time.Second), 10)
}
