package netcfg

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The reasons of a LinkError, for errors.Is.
var (
	// ErrNoLink says that no link has that name.
	ErrNoLink = errors.New("no such link")
	// ErrNotEthernet says that the link is not an Ethernet one.
	ErrNotEthernet = errors.New("not an Ethernet link")
	// ErrNoHardwareAddr says that the link has no address of its own: none,
	// zero, or a multicast one.
	ErrNoHardwareAddr = errors.New("no usable hardware address")
	// ErrClosed says that the Namespace was closed.
	ErrClosed = errors.New("network namespace handle is closed")
)

// A LinkError says why a link cannot be used. It wraps one of ErrNoLink,
// ErrNotEthernet and ErrNoHardwareAddr.
type LinkError struct {
	// Name is the name that was asked for.
	Name string
	// Near are names of links that resemble it.
	Near []string
	// Err is the reason.
	Err error

	text string
}

// Error is a sentence for the person who gave the name.
func (e *LinkError) Error() string { return e.text }

// Unwrap returns the reason.
func (e *LinkError) Unwrap() error { return e.Err }

func noLink(name string, all []linkInfo) *LinkError {
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.name
	}
	slices.Sort(names)
	e := &LinkError{Name: name, Near: near(name, names), Err: ErrNoLink, text: fmt.Sprintf("no link %q", name)}
	switch len(e.Near) {
	case 0:
	case 1:
		e.text += fmt.Sprintf("; there is %q", e.Near[0])
	default:
		quoted := make([]string, len(e.Near))
		for i, n := range e.Near {
			quoted[i] = fmt.Sprintf("%q", n)
		}
		e.text += "; there are " + strings.Join(quoted, ", ")
	}
	return e
}

// usable says why DHCP cannot run on the link, nil if it can.
func usable(l linkInfo) error {
	kind := ""
	switch {
	case l.flags&unix.IFF_LOOPBACK != 0 || l.hwType == unix.ARPHRD_LOOPBACK:
		kind = "a loopback link"
	case l.hwType == unix.ARPHRD_INFINIBAND:
		kind = "an InfiniBand link"
	case l.hwType == unix.ARPHRD_NONE || l.hwType == unix.ARPHRD_TUNNEL || l.hwType == unix.ARPHRD_SIT || l.hwType == unix.ARPHRD_IPGRE:
		kind = "a tunnel"
	case l.hwType == unix.ARPHRD_PPP || l.flags&unix.IFF_POINTOPOINT != 0:
		kind = "a point-to-point link"
	case l.hwType != unix.ARPHRD_ETHER:
		kind = fmt.Sprintf("a link of type %d", l.hwType)
	}
	if kind != "" {
		return &LinkError{Name: l.name, Err: ErrNotEthernet, text: fmt.Sprintf("%s is %s, not Ethernet: DHCP needs Ethernet", l.name, kind)}
	}
	if !l.ownAddr() {
		return &LinkError{Name: l.name, Err: ErrNoHardwareAddr, text: fmt.Sprintf("%s has no usable hardware address (%x)", l.name, l.hwAddr)}
	}
	return nil
}

// near picks the names that a typing mistake may have meant.
func near(name string, names []string) []string {
	const most = 3
	var out []string
	for limit := 1; limit <= 2 && len(out) == 0 && limit < len(name); limit++ {
		for _, n := range names {
			if len(out) < most && n != "lo" && distance(name, n) <= limit { // DHCP is not for lo
				out = append(out, n)
			}
		}
	}
	return out
}

// distance is the number of letters to insert, delete, replace or exchange
// with a neighbour to make a into b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
