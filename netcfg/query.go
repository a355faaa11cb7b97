package netcfg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A linkInfo is what the kernel says of a link. The library's own link type
// lacks the count of carrier changes and the IPv4 settings, and asks for all
// virtual functions of a card, which can hold the RTNL lock for a second.
type linkInfo struct {
	index   int
	name    string
	hwType  uint16 // ARPHRD_*
	hwAddr  []byte
	flags   uint32 // IFF_*
	mtu     int
	maxMTU  int // what the driver allows; 0 if it does not say
	changes uint32
	// promote says that an address takes the place of the primary address of
	// its subnet when that goes; else it goes too (promote_secondaries).
	promote bool
	// permanent is the hardware address that the device came with, if the
	// kernel says it (Linux 5.6).
	permanent []byte
	// kind is what made the link, as veth, and port the same of the link that
	// has it as a port; empty where it is hardware, and where it is none.
	kind, port string
	// vrf is the routing table of the VRF that the link is a port of; 0 for none.
	vrf int
	// others are its alternative names.
	others []string
}

func (l linkInfo) up() bool { return l.flags&unix.IFF_UP != 0 }

// carrier is IFF_RUNNING, not IFF_LOWER_UP: the latter comes a moment before
// the link has a queue, and what is sent in that moment is dropped unseen, at
// the cost of a whole retransmission interval.
func (l linkInfo) carrier() bool { return l.up() && l.flags&unix.IFF_RUNNING != 0 }

// ownAddr says that the hardware address can be a station's.
func (l linkInfo) ownAddr() bool {
	return len(l.hwAddr) == 6 && l.hwAddr[0]&1 == 0 && !bytes.Equal(l.hwAddr, make([]byte, 6))
}

const (
	filterSkipStats = 1 << 3 // RTEXT_FILTER_SKIP_STATS, linux/rtnetlink.h
	maxName         = 127    // ALTIFNAMSIZ less the final zero
	ifNameSize      = 15     // IFNAMSIZ less the final zero
	portTable       = 1      // IFLA_VRF_PORT_TABLE, linux/if_link.h
	promoteConf     = 20     // IPV4_DEVCONF_PROMOTE_SECONDARIES, linux/ip.h
	dumpTries       = 5
)

// request returns what the kernel answers.
func (ns *Namespace) request(kind, flags int, answer uint16, data ...nl.NetlinkRequestData) (msgs [][]byte, err error) {
	err = ns.each(kind, flags, answer, func() { msgs = nil }, func(msg []byte) error {
		msgs = append(msgs, bytes.Clone(msg))
		return nil
	}, data...)
	return msgs, err
}

// each asks the kernel, and calls f with each message of the answer, which is valid
// during the call. It does so again when a dump was torn by a change meanwhile:
// begin is called before each. The lock of the socket is held.
func (ns *Namespace) each(kind, flags int, answer uint16, begin func(), f func(msg []byte) error, data ...nl.NetlinkRequestData) error {
	return ns.do(func() (err error) {
		for range dumpTries {
			begin()
			req := &nl.NetlinkRequest{Data: data}
			req.Type, req.Flags = uint16(kind), unix.NLM_F_REQUEST|uint16(flags)
			if err = ns.query.ask(req, answer, f); !errors.Is(err, nl.ErrDumpInterrupted) {
				break
			}
		}
		return err
	})
}

// linkByName finds a link by its name or by one of its alternative names.
func (ns *Namespace) linkByName(name string) (linkInfo, bool, error) {
	attr := unix.IFLA_IFNAME
	switch {
	case name == "" || len(name) > maxName:
		return linkInfo{}, false, nil
	case len(name) > ifNameSize:
		attr = unix.IFLA_ALT_IFNAME
	}
	return ns.link(nl.NewIfInfomsg(unix.AF_UNSPEC), nl.NewRtAttr(attr, nl.ZeroTerminated(name)))
}

func (ns *Namespace) linkByIndex(index int) (linkInfo, bool, error) {
	if index <= 0 {
		return linkInfo{}, false, nil
	}
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	return ns.link(msg)
}

func (ns *Namespace) link(data ...nl.NetlinkRequestData) (linkInfo, bool, error) {
	data = append(data, nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(filterSkipStats)))
	// Without NLM_F_ACK: the answer is one, and an acknowledgement would only
	// be read, and skipped, by the next request.
	var l linkInfo
	answers := 0
	err := ns.each(unix.RTM_GETLINK, 0, unix.RTM_NEWLINK, func() { answers = 0 }, func(msg []byte) (err error) {
		answers++
		l, err = parseLink(msg)
		return err
	}, data...)
	switch {
	case errors.Is(err, unix.ENODEV):
		return linkInfo{}, false, nil
	case err == nil && answers != 1:
		err = fmt.Errorf("%d answers", answers)
	}
	if err != nil {
		return linkInfo{}, false, fmt.Errorf("read link: %w", err)
	}
	return l, true, nil
}

// links lists the links of the namespace.
func (ns *Namespace) links() (all []linkInfo, err error) {
	err = ns.each(unix.RTM_GETLINK, unix.NLM_F_DUMP, unix.RTM_NEWLINK, func() { all = all[:0] }, func(msg []byte) error {
		l, err := parseLink(msg)
		all = append(all, l)
		return err
	}, nl.NewIfInfomsg(unix.AF_UNSPEC), nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(filterSkipStats)))
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	return all, nil
}

func parseLink(msg []byte) (linkInfo, error) {
	if len(msg) < unix.SizeofIfInfomsg {
		return linkInfo{}, fmt.Errorf("message of %d octets", len(msg))
	}
	info := nl.DeserializeIfInfomsg(msg)
	l := linkInfo{index: int(info.Index), hwType: info.Type, flags: info.Flags}
	for kind, value := range attributes(msg[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.name = unix.ByteSliceToString(value)
		case unix.IFLA_ADDRESS:
			l.hwAddr = bytes.Clone(value)
		case unix.IFLA_MTU:
			l.mtu = int(u32(value))
		case unix.IFLA_MAX_MTU:
			l.maxMTU = int(min(u32(value), math.MaxUint16))
		case unix.IFLA_CARRIER_CHANGES:
			l.changes = u32(value)
		case unix.IFLA_AF_SPEC:
			l.promote = u32(inetConf(value, promoteConf)) != 0
		case unix.IFLA_PERM_ADDRESS:
			l.permanent = bytes.Clone(value)
		case unix.IFLA_LINKINFO:
			l.kind = unix.ByteSliceToString(attribute(value, unix.IFLA_INFO_KIND))
			l.port = unix.ByteSliceToString(attribute(value, unix.IFLA_INFO_SLAVE_KIND))
			if l.port == "vrf" {
				l.vrf = int(min(u32(attribute(attribute(value, unix.IFLA_INFO_SLAVE_DATA), portTable)), math.MaxInt32))
			}
		case unix.IFLA_PROP_LIST:
			for kind, name := range attributes(value) {
				if kind == unix.IFLA_ALT_IFNAME {
					l.others = append(l.others, unix.ByteSliceToString(name))
				}
			}
		}
	}
	return l, nil
}

// linkNames are the names of the link that the attributes are of.
func linkNames(attrs []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for kind, value := range attributes(attrs) {
			switch kind {
			case unix.IFLA_IFNAME:
				if !yield(unix.ByteSliceToString(value)) {
					return
				}
			case unix.IFLA_PROP_LIST:
				for kind, name := range attributes(value) {
					if kind == unix.IFLA_ALT_IFNAME && !yield(unix.ByteSliceToString(name)) {
						return
					}
				}
			}
		}
	}
}

// inetConf finds an IPv4 setting (IPV4_DEVCONF_*) in IFLA_AF_SPEC, where
// IFLA_INET_CONF is the array of all of them, the first of them being number 1.
func inetConf(spec []byte, setting int) []byte {
	conf := attribute(attribute(spec, unix.AF_INET), unix.IFLA_INET_CONF)
	if at := 4 * (setting - 1); len(conf) >= at+4 {
		return conf[at : at+4]
	}
	return nil
}

func attribute(b []byte, kind uint16) []byte {
	for k, value := range attributes(b) {
		if k == kind {
			return value
		}
	}
	return nil
}

// attributes are the attributes in b, by their kind (netlink(7)). The library makes
// a list of them for each message, which is most of what a dump of links costs.
// What is no attribute ends them.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofRtAttr || size > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min((size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(b)):]
		}
	}
}

// u32 reads a number as the kernel writes it; 0 if there is none.
func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// setPromote turns promote_secondaries on for the link.
func (ns *Namespace) setPromote(index int) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC|unix.NLA_F_NESTED, nil)
	inet := spec.AddRtAttr(unix.AF_INET|unix.NLA_F_NESTED, nil)
	conf := inet.AddRtAttr(unix.IFLA_INET_CONF|unix.NLA_F_NESTED, nil)
	conf.AddRtAttr(promoteConf, nl.Uint32Attr(1))
	if _, err := ns.request(unix.RTM_SETLINK, unix.NLM_F_ACK, 0, msg, spec); err != nil {
		return fmt.Errorf("set promote_secondaries: %w", err)
	}
	return nil
}

// addresses lists the IPv4 addresses of a link; none if it does not exist.
func (ns *Namespace) addresses(index int) (all []address, err error) {
	err = ns.eachAddress(index, func() { all = nil }, func(a address, on int) {
		if on == index { // before Linux 4.20 the kernel answers with all
			all = append(all, a)
		}
	})
	return all, err
}

// prefixes are the IPv4 addresses of a link; none if it does not exist.
func (ns *Namespace) prefixes(index int) (all []netip.Prefix, err error) {
	err = ns.eachAddress(index, func() { all = nil }, func(a address, on int) {
		if on == index {
			all = append(all, a.prefix)
		}
	})
	return all, err
}

// allPrefixes are the IPv4 addresses of all links, by index.
func (ns *Namespace) allPrefixes() (all map[int][]netip.Prefix, err error) {
	err = ns.eachAddress(0, func() { all = map[int][]netip.Prefix{} }, func(a address, on int) {
		all[on] = append(all[on], a.prefix)
	})
	return all, err
}

// eachAddress calls f with the addresses of a link and what they are on, or with
// those of all links if index is 0, as each does.
func (ns *Namespace) eachAddress(index int, begin func(), f func(a address, on int)) error {
	msg := nl.NewIfAddrmsg(unix.AF_INET)
	msg.Index = uint32(index)
	err := ns.each(unix.RTM_GETADDR, unix.NLM_F_DUMP, unix.RTM_NEWADDR, begin, func(msg []byte) error {
		a, on, err := parseAddress(msg)
		if err == nil {
			f(a, on)
		}
		return err
	}, msg)
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("list addresses: %w", err)
	}
	return nil
}

// addressMessages are the kernel's own words on the addresses of a link, and before
// Linux 4.20 on those of all others.
func (ns *Namespace) addressMessages(index int) ([][]byte, error) {
	msg := nl.NewIfAddrmsg(unix.AF_INET)
	msg.Index = uint32(index)
	msgs, err := ns.request(unix.RTM_GETADDR, unix.NLM_F_DUMP, unix.RTM_NEWADDR, msg)
	if errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	return msgs, nil
}

func parseAddress(msg []byte) (a address, index int, err error) {
	if len(msg) < unix.SizeofIfAddrmsg {
		return address{}, 0, fmt.Errorf("read address: message of %d octets", len(msg))
	}
	head := nl.DeserializeIfAddrmsg(msg)
	var local, peer netip.Addr
	a.valid = forever
	flags := uint32(head.Flags)
	for kind, value := range attributes(msg[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS:
			peer, _ = netip.AddrFromSlice(value)
		case unix.IFA_BROADCAST:
			a.broadcast, _ = netip.AddrFromSlice(value)
		case unix.IFA_FLAGS:
			flags = u32(value)
		case unix.IFA_CACHEINFO:
			if len(value) >= unix.SizeofIfaCacheinfo {
				a.valid = nl.DeserializeIfaCacheInfo(value).Valid
			}
		}
	}
	a.prefix = netip.PrefixFrom(local, int(head.Prefixlen))
	a.noPrefixRoute = flags&unix.IFA_F_NOPREFIXROUTE != 0
	a.secondary = flags&unix.IFA_F_SECONDARY != 0
	if peer != local {
		a.peer = peer
	}
	return a, int(head.Index), nil
}
