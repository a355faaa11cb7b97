package netcfg

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Scripted is a link that a program of the host configures. All that is done to
// it here is that the address of the lease ends with the lease, in the kernel:
// whatever becomes of client and program, nobody uses an address without a right
// to it.
type Scripted struct {
	link *Link
	// kept are addresses without an end that were there before: they are an
	// administrator's.
	kept []netip.Prefix
}

// Scripted returns the link as one that a program configures. It must be called
// before that program has run.
func (l *Link) Scripted() (*Scripted, error) {
	on, err := l.addresses()
	if err != nil {
		return nil, err
	}
	s := &Scripted{link: l}
	for _, a := range on {
		if a.valid == forever {
			s.kept = append(s.kept, a.prefix)
		}
	}
	return s, nil
}

// SetLifetimes gives the address of the lease the time that the lease has left.
// All else about the address stays, as do all other addresses. That the program
// has put none on the link is no error.
func (s *Scripted) SetLifetimes(_ context.Context, l *lease.Lease) error {
	info, found, err := s.link.find(s.link.ns)
	if err != nil || !found {
		return err
	}
	msg, err := s.link.ns.addressMessage(info.index, l.Prefix())
	switch {
	case err != nil:
		return err
	case msg == nil:
		s.link.log().Debug("the script has put no address on the link", "address", l.Prefix())
		return nil
	case slices.ContainsFunc(s.kept, func(p netip.Prefix) bool { return p.Addr() == l.Address }):
		s.link.log().Warn("the address was on the link before, without an end: it stays so", "address", l.Prefix())
		return nil
	}
	if err := s.link.ns.setLifetime(msg, lifetime(l, lease.Now())); err != nil {
		return fmt.Errorf("set the lifetime of %v on %s: %w", l.Prefix(), s.link.name, err)
	}
	return nil
}

// addressMessage is what the kernel says of an address; nil if there is none.
func (ns *Namespace) addressMessage(index int, prefix netip.Prefix) ([]byte, error) {
	msgs, err := ns.addressMessages(index)
	if err != nil {
		return nil, err
	}
	for _, msg := range msgs {
		if a, on, err := parseAddress(msg); err == nil && on == index && a.prefix.Addr() == prefix.Addr() {
			return msg, nil // whatever length the program has given it
		}
	}
	return nil, nil
}

// setLifetime gives the kernel back what it said of an address, with another
// time: so nothing else of it changes, whatever a later kernel knows of it.
func (ns *Namespace) setLifetime(msg []byte, seconds uint32) error {
	head := nl.DeserializeIfAddrmsg(msg)
	head.Flags &^= unix.IFA_F_PERMANENT
	data := []nl.NetlinkRequestData{head}
	attrs, err := nl.ParseRouteAttr(msg[unix.SizeofIfAddrmsg:])
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	for _, attr := range attrs {
		switch attr.Attr.Type {
		case unix.IFA_CACHEINFO:
		case unix.IFA_FLAGS:
			flags := binary.NativeEndian.AppendUint32(nil, u32(attr.Value)&^unix.IFA_F_PERMANENT)
			data = append(data, nl.NewRtAttr(unix.IFA_FLAGS, flags))
		default:
			data = append(data, nl.NewRtAttr(int(attr.Attr.Type), attr.Value))
		}
	}
	times := nl.IfaCacheInfo{IfaCacheinfo: unix.IfaCacheinfo{Prefered: seconds, Valid: seconds}}
	data = append(data, nl.NewRtAttr(unix.IFA_CACHEINFO, times.Serialize()))
	_, err = ns.request(unix.RTM_NEWADDR, unix.NLM_F_REPLACE|unix.NLM_F_ACK, 0, data...)
	return err
}

// addresses are those on the link now.
func (l *Link) addresses() ([]address, error) {
	info, found, err := l.find(l.ns)
	if err != nil || !found {
		return nil, err
	}
	return l.ns.addresses(info.index)
}
