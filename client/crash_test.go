package client

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A witness looks at what a kill would leave, after each thing that the client
// does to the world: an address on the link that the stored lease knows nothing
// of is one that no later process takes off.
type witness struct {
	*rig
	t      *testing.T
	onLink netip.Addr
	stored netip.Addr
	steps  []string
}

func (w *witness) look(step string) {
	w.steps = append(w.steps, step)
	if w.onLink.IsValid() && w.onLink != w.stored {
		w.t.Errorf("killed after %q the client leaves %v on the link, and %v stored", w.steps, w.onLink, w.stored)
	}
}

func addressOf(l *lease.Lease) (a netip.Addr) {
	if l != nil {
		a = l.Address
	}
	return a
}

func (w *witness) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	if err := w.rig.Apply(ctx, next, prev); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := func(a netip.Addr) bool {
		return !a.IsValid() || slices.ContainsFunc(prev, func(l *lease.Lease) bool { return addressOf(l) == a })
	}
	if was := w.onLink; was != addressOf(next) && !known(was) {
		w.t.Errorf("after %q, %v stays on the link beside %v: it is not among those of before", w.steps, was, addressOf(next))
	}
	w.onLink = addressOf(next)
	w.look(fmt.Sprintf("apply %v", w.onLink))
	return nil
}

func (w *witness) Save(ctx context.Context, l *lease.Lease) error {
	if err := w.rig.Save(ctx, l); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored = addressOf(l)
	w.look(fmt.Sprintf("store %v", w.stored))
	return nil
}

// renumbered is a server that has another address for everybody from the first
// renewal on. It says so in the ACK, or refuses the old one.
func renumbered(r *rig, nak bool) {
	serve := r.serve(time.Hour)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
		old := m.MessageType() == dhcpv4.MessageTypeRequest &&
			(m.ClientIPAddr.Equal(offered.AsSlice()) || m.RequestedIPAddress().Equal(offered.AsSlice()))
		if old && nak {
			return []*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeNak, noAddr, dhcpv4.OptServerIdentifier(server1.AsSlice()))}
		}
		replies := serve(m)
		for _, p := range replies {
			p.YourIPAddr = offered.Next().AsSlice()
		}
		return replies
	}
}

// Whatever happens to a lease, a process that is killed leaves no address on the
// link that the next one does not know of (RFC 2131 3.2, 3.7).
func TestKilledLeavesNoOrphan_LIF_10(t *testing.T) {
	for name, happens := range map[string]func(r *rig, c *Client){
		"renewal": func(_ *rig, c *Client) { c.Renew() },
		"another address": func(r *rig, c *Client) {
			renumbered(r, false)
			c.Renew()
		},
		"NAK, then another address": func(r *rig, c *Client) {
			renumbered(r, true)
			c.Renew()
		},
		"another address while the link is configured": func(r *rig, c *Client) {
			r.applyTime = 300 * time.Millisecond
			c.Renew()
			time.Sleep(100 * time.Millisecond)
			renumbered(r, false)
			c.Renew()
			time.Sleep(time.Second)
			c.Renew()
		},
		"expiry": func(r *rig, _ *Client) {
			r.mu.Lock()
			r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
			r.mu.Unlock()
			time.Sleep(2 * time.Hour)
		},
		"conflict":            func(r *rig, _ *Client) { r.lost(otherMAC) },
		"release":             func(_ *rig, c *Client) { c.Release() },
		"another hardware":    func(r *rig, _ *Client) { r.setLink(func(s *LinkState) { s.HardwareAddr[5]++ }) },
		"stop":                func(r *rig, _ *Client) { r.cancel() },
		"another router":      func(r *rig, _ *Client) { r.router = otherMAC; flap(r) },
		"carrier":             func(r *rig, _ *Client) { flap(r) },
		"carrier, NAK":        func(r *rig, _ *Client) { renumbered(r, true); flap(r) },
		"carrier, new adress": func(r *rig, _ *Client) { renumbered(r, false); flap(r) },
	} {
		for _, mode := range []ACD{ProbeFirst, Optimistic, NoProbe} {
			for _, exit := range []OnExit{Keep, Remove, Release} {
				t.Run(fmt.Sprintf("%s/acd%d/exit%d", name, mode, exit), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						r := newRig(t)
						w := &witness{rig: r, t: t}
						r.cfg.Configurator, r.cfg.LeaseStore = w, w
						r.cfg.ACD, r.cfg.OnExit = mode, exit
						c := r.run()
						r.pass(time.Second)
						if c.Lease() == nil {
							t.Fatal("no lease")
						}
						happens(r, c)
						r.pass(20 * time.Second)
						r.stop()
						if len(w.steps) < 2 {
							t.Errorf("it did no more than %q", w.steps)
						}
					})
				})
			}
		}
	}
}

// flap takes carrier away for ten seconds.
func flap(r *rig) {
	r.setLink(func(s *LinkState) { s.Carrier = false })
	time.Sleep(10 * time.Second)
	r.setLink(func(s *LinkState) { s.Carrier = true })
}
