package netcfg

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A fakeKernel refuses what the real one does (tried against Linux 6.18 by
// TestFakeKernelIsLikeTheRealOne), and removes what the real one removes.
type fakeKernel struct {
	addresses map[int][]address
	table     []fakeRoute // in the order in which they are looked up
	promote   bool
	down      bool
	refuse    func(change) error // for what a test makes fail
	changes   []change
}

type fakeRoute struct {
	route
	index int
	proto string
}

func (k *fakeKernel) read(index int) (state, error) {
	s := state{addresses: slices.Clone(k.addresses[index])}
	for _, r := range k.table {
		if r.index == index && r.proto == "dhcp" {
			s.routes = append(s.routes, r.route)
		}
		if r.index == index && r.boot && r.dst.Bits() == 0 {
			s.defaults = append(s.defaults, r.route)
		}
	}
	return s, nil
}

func (k *fakeKernel) change(index int, c change) error {
	if k.refuse != nil {
		if err := k.refuse(c); err != nil {
			return err
		}
	}
	var err error
	switch c.action {
	case addAddress:
		err = k.addAddress(index, c.address)
	case refreshAddress:
		i := slices.IndexFunc(k.addresses[index], func(a address) bool { return a.prefix == c.address.prefix })
		if i < 0 {
			err = k.addAddress(index, c.address)
			break
		}
		k.addresses[index][i].valid = c.address.valid // and nothing else
	case deleteAddress:
		err = k.deleteAddress(index, c.address.prefix)
	case addRoute:
		err = k.addRoute(fakeRoute{c.route, index, "dhcp"})
	case deleteRoute:
		err = k.deleteRoute(index, c.route)
	}
	if err == nil {
		k.changes = append(k.changes, c)
	}
	if c.is(err) {
		return nil
	}
	return err
}

func (k *fakeKernel) addAddress(index int, a address) error {
	if !a.prefix.IsValid() || !a.prefix.Addr().Is4() {
		return unix.EINVAL
	}
	a.secondary = false
	for _, b := range k.addresses[index] {
		if b.prefix == a.prefix {
			return unix.EEXIST
		}
		if b.prefix.Masked() == a.prefix.Masked() {
			a.secondary = true
		}
	}
	k.addresses[index] = append(k.addresses[index], a)
	if !a.noPrefixRoute && !a.secondary && a.prefix.Bits() < 32 {
		r := route{dst: a.prefix.Masked(), source: a.prefix.Addr(), scope: unix.RT_SCOPE_LINK}
		k.table = append(k.table, fakeRoute{r, index, "kernel"})
	}
	return nil
}

func (k *fakeKernel) deleteAddress(index int, p netip.Prefix) error {
	list := k.addresses[index]
	i := slices.IndexFunc(list, func(a address) bool { return a.prefix == p })
	if i < 0 {
		return unix.EADDRNOTAVAIL
	}
	primary := !list[i].secondary
	list = slices.Delete(list, i, i+1)
	if primary && !k.promote {
		list = slices.DeleteFunc(list, func(a address) bool { return a.secondary && a.prefix.Masked() == p.Masked() })
	}
	if primary && k.promote {
		for i := range list {
			if list[i].prefix.Masked() == p.Masked() {
				list[i].secondary = false
				break
			}
		}
	}
	k.addresses[index] = list
	k.table = slices.DeleteFunc(k.table, func(r fakeRoute) bool { return r.source.IsValid() && !k.local(r.source) })
	return nil
}

func (k *fakeKernel) local(a netip.Addr) bool {
	for _, list := range k.addresses {
		if slices.ContainsFunc(list, func(have address) bool { return have.prefix.Addr() == a }) {
			return true
		}
	}
	return false
}

// station says that the kernel takes a for a unicast address that is not ours.
func (k *fakeKernel) station(a netip.Addr) bool {
	if !a.Is4() || a.IsMulticast() || a.As4()[0] == 0 || a.IsLoopback() || a == netip.MustParseAddr("255.255.255.255") || k.local(a) {
		return false
	}
	for _, list := range k.addresses {
		for _, have := range list {
			if a == have.broadcast || have.prefix.Bits() < 31 && a == lastAddr(have.prefix) {
				return false
			}
		}
	}
	return true
}

func (k *fakeKernel) addRoute(r fakeRoute) error {
	switch {
	case k.down:
		return unix.ENETDOWN
	case !r.dst.IsValid() || r.dst != r.dst.Masked():
		return unix.EINVAL
	case !r.source.IsValid() || !k.local(r.source):
		return unix.EINVAL
	case !r.gateway.IsValid() && r.scope != unix.RT_SCOPE_LINK, r.gateway.IsValid() && r.scope != unix.RT_SCOPE_UNIVERSE:
		return unix.EINVAL
	case r.gateway.IsValid() && !k.station(r.gateway):
		return unix.EINVAL
	case r.gateway.IsValid() && !r.onLink && !k.reachable(r):
		return unix.ENETUNREACH
	case slices.Contains(k.table, r):
		return unix.EEXIST
	}
	at := len(k.table)
	for i, other := range k.table {
		if other.dst == r.dst && other.metric == r.metric {
			at = i + 1
		}
	}
	k.table = slices.Insert(k.table, at, r)
	return nil
}

// reachable looks the gateway up among what is on the link.
func (k *fakeKernel) reachable(r fakeRoute) bool {
	return slices.ContainsFunc(k.table, func(have fakeRoute) bool {
		return have.index == r.index && have.scope == unix.RT_SCOPE_LINK && have.dst.Contains(r.gateway)
	})
}

func (k *fakeKernel) deleteRoute(index int, r route) error {
	i := slices.IndexFunc(k.table, func(have fakeRoute) bool {
		return have.index == index && (have.proto == "dhcp" || have.boot) && have.boot == r.boot && have.dst == r.dst && have.metric == r.metric && have.scope == r.scope &&
			have.source == r.source && (!r.gateway.IsValid() || have.gateway == r.gateway) && (r.mtu == 0 || have.mtu == r.mtu)
	})
	if i < 0 {
		return unix.ESRCH
	}
	k.table = slices.Delete(k.table, i, i+1)
	return nil
}

// String is everything that is there, as `ip` would have it.
func (k *fakeKernel) String() string {
	var b strings.Builder
	for index := 1; index < 10; index++ {
		for _, a := range k.addresses[index] {
			fmt.Fprintf(&b, "%d: address %v\n", index, a)
		}
	}
	for _, r := range k.table {
		r.boot = false // it is said behind
		fmt.Fprintf(&b, "%d: route %v proto %s\n", r.index, r.route, r.proto)
	}
	return b.String()
}

// newFakeKernel reads what String writes.
func newFakeKernel(text string) (*fakeKernel, error) {
	k := &fakeKernel{addresses: map[int][]address{}}
	for line := range strings.SplitSeq(lines(text), "\n") {
		if line == "" {
			continue
		}
		num, rest, _ := strings.Cut(line, ": ")
		index, err := strconv.Atoi(num)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		if text, ok := strings.CutPrefix(rest, "address "); ok {
			a, err := readAddress(text)
			if err != nil {
				return nil, fmt.Errorf("line %q: %w", line, err)
			}
			k.addresses[index] = append(k.addresses[index], a)
			continue
		}
		r, err := readRoute(strings.TrimPrefix(rest, "route "))
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		r.index = index
		k.table = append(k.table, r)
	}
	return k, nil
}

func readAddress(text string) (a address, err error) {
	f := strings.Fields(text)
	if a.prefix, err = netip.ParsePrefix(f[0]); err != nil {
		return a, err
	}
	a.valid = forever
	for i := 1; i < len(f); i++ {
		switch f[i] {
		case "noprefixroute":
			a.noPrefixRoute = true
			continue
		case "secondary":
			a.secondary = true
			continue
		}
		i++
		switch f[i-1] {
		case "brd":
			a.broadcast, err = netip.ParseAddr(f[i])
		case "peer":
			a.peer, err = netip.ParseAddr(f[i])
		case "valid_lft":
			if f[i] != "forever" {
				_, err = fmt.Sscanf(f[i], "%dsec", &a.valid)
			}
		default:
			err = errors.New("unknown word " + f[i-1])
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

func readRoute(text string) (r fakeRoute, err error) {
	f := strings.Fields(text)
	if f[0] == "default" {
		f[0] = "0.0.0.0/0"
	}
	if r.dst, err = netip.ParsePrefix(f[0]); err != nil {
		return r, err
	}
	for i := 1; i < len(f); i++ {
		if f[i] == "onlink" {
			r.onLink = true
			continue
		}
		i++
		switch f[i-1] {
		case "via":
			r.gateway, err = netip.ParseAddr(f[i])
		case "scope":
			r.scope = unix.RT_SCOPE_LINK
		case "src":
			r.source, err = netip.ParseAddr(f[i])
		case "metric":
			r.metric, err = strconv.Atoi(f[i])
		case "mtu":
			r.mtu, err = strconv.Atoi(f[i])
		case "proto":
			r.proto, r.boot = f[i], f[i] == "boot"
		default:
			err = errors.New("unknown word " + f[i-1])
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}
