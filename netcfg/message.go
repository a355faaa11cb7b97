package netcfg

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The library has these requests too, but makes 64 KiB of memory for each answer,
// which was most of what a process with many links allocated.

// order has the kernel do something, and returns what it says of it.
func (ns *Namespace) order(kind, flags int, data []nl.NetlinkRequestData) error {
	return ns.each(kind, unix.NLM_F_ACK|flags, 0, func() {}, func([]byte) error { return nil }, data...)
}

// setUp brings a link up.
func (ns *Namespace) setUp(index int) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index, msg.Flags, msg.Change = int32(index), unix.IFF_UP, unix.IFF_UP
	return ns.order(unix.RTM_NEWLINK, 0, []nl.NetlinkRequestData{msg})
}

// setMTU sets the MTU of a link.
func (ns *Namespace) setMTU(index, mtu int) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	return ns.order(unix.RTM_SETLINK, 0, []nl.NetlinkRequestData{msg, nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu)))})
}

// addressMessage is an address of a link (rtnetlink(7)).
func addressMessage(index int, a address) []nl.NetlinkRequestData {
	msg := nl.NewIfAddrmsg(unix.AF_INET)
	msg.Index, msg.Prefixlen = uint32(index), uint8(a.prefix.Bits())
	addr := a.prefix.Addr().AsSlice()
	data := []nl.NetlinkRequestData{msg, nl.NewRtAttr(unix.IFA_LOCAL, addr), nl.NewRtAttr(unix.IFA_ADDRESS, addr)}
	if a.broadcast.IsValid() {
		data = append(data, nl.NewRtAttr(unix.IFA_BROADCAST, a.broadcast.AsSlice()))
	}
	if a.noPrefixRoute {
		data = append(data, nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(unix.IFA_F_NOPREFIXROUTE)))
	}
	if a.valid != forever { // without lifetimes the kernel takes forever
		var times [16]byte // struct ifa_cacheinfo
		binary.NativeEndian.PutUint32(times[0:], a.valid)
		binary.NativeEndian.PutUint32(times[4:], a.valid)
		data = append(data, nl.NewRtAttr(unix.IFA_CACHEINFO, times[:]))
	}
	return data
}

// routeMessage is a route of a type by a link, in a table.
func routeMessage(index, table int, kind uint8, r route) []nl.NetlinkRequestData {
	msg := &nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET, Dst_len: uint8(r.dst.Bits()), Protocol: unix.RTPROT_DHCP, Scope: r.scope, Type: kind}}
	if r.boot {
		msg.Protocol = unix.RTPROT_BOOT
	}
	if r.onLink {
		msg.Flags = unix.RTNH_F_ONLINK
	}
	data := append([]nl.NetlinkRequestData{msg}, setTable(msg, table)...)
	data = append(data, nl.NewRtAttr(unix.RTA_DST, r.dst.Addr().AsSlice()))
	if r.source.IsValid() {
		data = append(data, nl.NewRtAttr(unix.RTA_PREFSRC, r.source.AsSlice()))
	}
	if r.gateway.IsValid() {
		data = append(data, nl.NewRtAttr(unix.RTA_GATEWAY, r.gateway.AsSlice()))
	}
	if r.metric > 0 {
		data = append(data, nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(uint32(r.metric))))
	}
	if r.mtu > 0 {
		metrics := nl.NewRtAttr(unix.RTA_METRICS, nil)
		metrics.AddRtAttr(unix.RTAX_MTU, nl.Uint32Attr(uint32(r.mtu)))
		data = append(data, metrics)
	}
	return append(data, nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(index))))
}

// setTable has msg be about a table, and returns what is to follow it: its own
// place for that is an octet.
func setTable(msg *nl.RtMsg, table int) []nl.NetlinkRequestData {
	if table < 256 {
		msg.Table = uint8(table)
		return nil
	}
	msg.Table = unix.RT_TABLE_UNSPEC
	return []nl.NetlinkRequestData{nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(uint32(table)))}
}

// A routeOwner is what a route belongs to: no link is index 0.
type routeOwner struct {
	index, table int
	proto        uint8
}

// parseRoute reads a route, and whose it is. One that is of no kind that a lease can
// have, as with several next hops, is nobody's.
func parseRoute(msg []byte) (r route, of routeOwner, err error) {
	if len(msg) < unix.SizeofRtMsg {
		return r, of, fmt.Errorf("a route of %d octets", len(msg))
	}
	bits, tos, kind := int(msg[1]), msg[3], msg[7]
	of = routeOwner{table: int(msg[4]), proto: msg[5]}
	r.scope, r.boot = msg[6], msg[5] == unix.RTPROT_BOOT
	r.onLink = u32(msg[8:])&unix.RTNH_F_ONLINK != 0
	dst := netip.IPv4Unspecified()
	several := false
	for k, v := range attributes(msg[unix.SizeofRtMsg:]) {
		switch k {
		case unix.RTA_DST:
			dst = addr4(v)
		case unix.RTA_GATEWAY:
			r.gateway = addr4(v)
		case unix.RTA_PREFSRC:
			r.source = addr4(v)
		case unix.RTA_PRIORITY:
			r.metric = int(u32(v))
		case unix.RTA_METRICS:
			r.mtu = int(u32(attribute(v, unix.RTAX_MTU)))
		case unix.RTA_OIF:
			of.index = int(u32(v))
		case unix.RTA_TABLE:
			of.table = int(u32(v))
		case unix.RTA_MULTIPATH:
			several = true
		}
	}
	r.dst = netip.PrefixFrom(dst, bits)
	if msg[0] != unix.AF_INET || kind != unix.RTN_UNICAST || tos != 0 || several || !r.dst.IsValid() {
		return route{}, routeOwner{}, nil
	}
	return r, of, nil
}

// addr4 is an IPv4 address; the zero Addr where b is none.
func addr4(b []byte) netip.Addr {
	if len(b) != 4 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(b))
}
