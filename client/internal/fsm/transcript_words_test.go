package fsm

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// parse makes the event of a transcript's line; nil if there is none of that
// name.
func (p *player) parse(name string, a *args) Event {
	switch name {
	case "tick":
		return Tick{}
	case "start":
		return Start{LinkUp: a.text("link", "up") == "up", OnLink: a.text("on-link", "") == "yes", InUse: a.text("in-use", "") == "yes", Lease: p.stored(a)}
	case "offer":
		return Offer{XID: p.xidOf(a), Lease: p.granted(a)}
	case "ack":
		return Ack{XID: p.xidOf(a), Lease: p.granted(a), Rapid: a.text("rapid", "") == "yes", Nonce: Nonce{byte(a.number("nonce", 0))}, Replay: uint64(a.number("replay", 0))}
	case "forcerenew":
		return ForceRenew{Replay: uint64(a.number("replay", 0))}
	case "nak":
		return Nak{XID: p.xidOf(a), Server: a.addr("server", netip.Addr{}), Message: a.text("message", "")}
	case "probed":
		return Probed{Addr: a.addr("addr", p.probe), By: a.station("by"), Err: a.failure()}
	case "applied":
		return Applied{Seq: uint64(a.number("seq", int(p.machine.seq))), Err: a.failure(), Refused: a.text("refused", "") == "yes"}
	case "conflict":
		return Conflict{Addr: a.addr("addr", p.defend), By: a.station("by")}
	case "reached":
		return Reached{Router: a.addr("router", p.router), By: a.station("by")}
	case "linkdown":
		return LinkDown{Gone: a.text("link", "") == "gone"}
	case "linkup":
		return LinkUp{}
	case "hwaddr":
		p.cfg.HardwareAddr = a.station("")
		p.cfg.ClientID = append([]byte{1}, p.cfg.HardwareAddr[5])
		return NewHardwareAddr{Addr: p.cfg.HardwareAddr, ClientID: p.cfg.ClientID}
	case "address-gone":
		return AddressGone{a.addr("", netip.Addr{})}
	case "renew":
		return Renew{Rebind: a.text("", "") == "rebind"}
	case "release":
		return Release{There: a.text("", "") == "there"}
	case "stop":
		how := a.text("", "")
		return Stop{Keep: how == "keep", There: how == "there"}
	}
	return nil
}

func (p *player) xidOf(a *args) uint32 {
	switch name := a.text("xid", ""); {
	case name == "":
		return p.xid
	case strings.HasPrefix(name, "x"):
		i := 0
		if _, err := fmt.Sscanf(name, "x%d", &i); err != nil || i < 1 || i > len(p.xids) {
			a.err = fmt.Errorf("no xid %s", name)
			return 0
		}
		return p.xids[i-1]
	}
	return ^p.xid // nobody's
}

// granted is the lease in a message.
func (p *player) granted(a *args) *lease.Lease {
	l := &lease.Lease{
		Address:      a.addr("", netip.Addr{}),
		Bits:         a.number("mask", 24),
		Server:       a.addr("server", netip.Addr{}),
		Valid:        a.duration("lease"),
		T1:           a.duration("t1"),
		T2:           a.duration("t2"),
		MTU:          a.number("mtu", 0),
		V6OnlyWait:   a.duration("v6only"),
		Domain:       a.text("domain", ""),
		HardwareAddr: p.cfg.HardwareAddr,
		ClientID:     p.cfg.ClientID,
	}
	if r := a.addr("router", netip.Addr{}); r.IsValid() {
		l.Routes = []lease.Route{{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: r}}
	}
	if dns := a.addr("dns", netip.Addr{}); dns.IsValid() {
		l.DNS = []netip.Addr{dns}
	}
	return l
}

// stored is the lease in Start: of age, and as the machine would have saved it.
func (p *player) stored(a *args) *lease.Lease {
	addr := a.addr("lease", netip.Addr{})
	if !addr.IsValid() {
		return nil
	}
	a.values[""] = addr.String()
	a.values["lease"] = a.text("valid", "1h")
	age, mac := a.duration("age"), a.station("router-mac")
	hw := get(a, "hwaddr", p.cfg.HardwareAddr, func(s string) (lease.HardwareAddr, error) { return station(s), nil })
	l := p.granted(a)
	l.Start, l.RouterMAC, l.HardwareAddr = p.now.Add(-age), mac, hw
	if !l.IsInfinite() && l.T1 == 0 {
		l.T1, l.T2 = l.Valid/2, l.Valid*7/8
	}
	return l
}

// show is an action as transcripts have it.
func (p *player) show(action Action) string {
	switch a := action.(type) {
	case Send:
		return p.showSend(a.Message)
	case Probe:
		p.probe = a.Addr
		return fmt.Sprint("probe ", a.Addr)
	case CheckRouter:
		p.router = a.Router
		if a.MAC.IsZero() {
			return fmt.Sprintf("check router %v from %v", a.Router, a.Source)
		}
		return fmt.Sprintf("check router %v at %s from %v", a.Router, name(a.MAC), a.Source)
	case Apply:
		return fmt.Sprintf("apply #%d for %v: %s", a.Seq, a.Why, p.terms(a.Lease))
	case Announce:
		p.defend = a.Addr
		return fmt.Sprint("announce ", a.Addr)
	case Withdraw:
		return "withdraw"
	case Save:
		return "save " + p.terms(a.Lease)
	case Notify:
		return "note " + p.showNotice(a.Notice)
	}
	panic(fmt.Sprintf("an action that transcripts do not know: %T", action))
}

func (p *player) showSend(m Message) string {
	i := slices.Index(p.xids, m.XID)
	if i < 0 {
		i = len(p.xids)
		p.xids = append(p.xids, m.XID)
	}
	if m.Type == Discover || m.Type == Request {
		p.xid = m.XID
	}
	s := fmt.Sprintf("send %v x%d", m.Type, i+1)
	add := func(key string, value any, set bool) {
		if set {
			s += fmt.Sprintf(" %s=%v", key, value)
		}
	}
	add("to", m.Dst, m.Dst != broadcast)
	add("secs", m.Secs, m.Secs != 0)
	add("flags", "B", m.Broadcast)
	add("ciaddr", m.CIAddr, m.CIAddr.IsValid())
	add("requested", m.RequestedIP, m.RequestedIP.IsValid())
	add("server", m.ServerID, m.ServerID.IsValid())
	add("rapid", "commit", m.RapidCommit)
	add("text", fmt.Sprintf("%q", m.Text), m.Text != "")
	return s
}

var kinds = map[Kind]string{
	Bound: "bound", Renewed: "renewed", Expired: "expired", Refused: "refused", Declined: "declined",
	Lost: "lost", Released: "released", Unanswered: "unanswered", ApplyFailed: "apply failed",
	ProbeFailed: "probe failed", Ignored: "ignored", Stopped: "stopped", UsingStored: "using stored",
	RouterChanged: "router changed", Verified: "verified", NoServer: "no server",
	IPv6Only: "IPv6-only", OtherStation: "other station", Informed: "informed",
}

func (p *player) showNotice(n Notice) string {
	if n.Kind == Transition {
		return fmt.Sprintf("%v -> %v (%s)", n.From, n.To, n.Text)
	}
	s := kinds[n.Kind]
	add := func(key string, value any, set bool) {
		if set {
			s += fmt.Sprintf(" %s%v", key, value)
		}
	}
	if n.Lease != nil {
		s += " " + n.Lease.Address.String()
	}
	if n.Old != nil {
		s += " after " + n.Old.Address.String()
	}
	add("addr=", n.Addr, n.Addr.IsValid())
	add("server=", n.Server, n.Server.IsValid())
	add("by=", name(n.MAC), !n.MAC.IsZero())
	add("wait=", length(n.Wait), n.Wait > 0)
	add("error=", n.Err, n.Err != nil)
	add("", fmt.Sprintf("(%s)", n.Text), n.Text != "")
	return s
}

// terms is a lease as the machine holds it.
func (p *player) terms(l *lease.Lease) string {
	if l == nil {
		return "nothing"
	}
	s := fmt.Sprintf("%v server=%v from=%s", l.Prefix(), l.Server, length(l.Start.Sub(p.start)))
	if l.IsInfinite() {
		s += " lease=infinite"
	} else {
		s += fmt.Sprintf(" t1=%s t2=%s lease=%s", length(l.T1), length(l.T2), length(l.Valid))
	}
	add := func(key string, value any, set bool) {
		if set {
			s += fmt.Sprintf(" %s=%v", key, value)
		}
	}
	add("router", l.Router(), l.Router().IsValid())
	add("router-mac", name(l.RouterMAC), !l.RouterMAC.IsZero())
	add("dns", l.DNS, l.DNS != nil)
	add("domain", l.Domain, l.Domain != "")
	add("mtu", l.MTU, l.MTU != 0)
	return s
}

// name is the letter that station made an address of.
func name(a lease.HardwareAddr) string { return string(rune(a[5])) }

// length is d to three digits, so that what is left of a jitter does not show,
// in the largest units.
func length(d time.Duration) string {
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(float64(d))))-2)
	if d != 0 {
		d = time.Duration(math.Round(float64(d)/unit) * unit)
	}
	s := d.Round(time.Millisecond).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = strings.TrimSuffix(s, zero[1:])
		}
	}
	return s
}
