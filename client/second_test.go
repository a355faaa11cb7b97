package client

import (
	"net/netip"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// others are the events OtherServer so far.
func (r *rig) others() (list []OtherServer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ev := range r.events {
		if ev, ok := ev.(OtherServer); ok {
			list = append(list, ev)
		}
	}
	return list
}

// by is the reply of another server.
func by(p *dhcpv4.DHCPv4, server netip.Addr) *dhcpv4.DHCPv4 {
	p.UpdateOption(dhcpv4.OptServerIdentifier(server.AsSlice()))
	return p
}

// Another server on the link is told of once, whether its offer comes while offers
// are waited for or later, and in every exchange; one that is not heard is not.
func TestOtherServer(t *testing.T) {
	third, denied := netip.MustParseAddr("10.99.0.3"), netip.MustParseAddr("10.99.0.4")
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.RejectServers = []netip.Prefix{netip.PrefixFrom(denied, 32)}
		serve := r.serve(time.Hour)
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			offers := []*dhcpv4.DHCPv4{
				by(reply(m, dhcpv4.MessageTypeOffer, offered), denied),
				by(reply(m, dhcpv4.MessageTypeOffer, offered), otherServer),
				by(reply(m, dhcpv4.MessageTypeOffer, offered), third),
				by(reply(m, dhcpv4.MessageTypeAck, offered), third), // no offer
			}
			switch m.MessageType() {
			case dhcpv4.MessageTypeDiscover:
				return append(serve(m), offers[1])
			case dhcpv4.MessageTypeRequest:
				return append(offers, serve(m)...)
			}
			return nil
		}
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []OtherServer{{otherServer, server1}, {third, server1}}
		if got := r.others(); !reflect.DeepEqual(got, want) {
			t.Errorf("others %v, want %v", got, want)
		}
		c.Release()
		r.pass(time.Second)
		c.Renew()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.others(); !reflect.DeepEqual(got, want) {
			t.Errorf("again %v, want %v", got, want)
		}
		r.stop()
	})
}

// Who makes servers up is told of seven times.
func TestOtherServer_IsBounded(t *testing.T) {
	var k knownServers
	told := 0
	for i := range 100 {
		if k.add(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})).IsValid() {
			told++
		}
	}
	if told != maxServers-1 || len(k.list) != maxServers || !k.knows(netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("told %d times, %d remembered", told, len(k.list))
	}
}
