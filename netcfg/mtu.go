package netcfg

import "github.com/dhclient-go/dhclient-go/client/lease"

// A heldMTU is the MTU that we gave a link (Config.LinkMTU).
type heldMTU struct {
	index int // of the link
	ours  int // what we set; 0 for nothing
	old   int // what it was before
}

// applyMTU gives the link the MTU of the lease, or its own back, if it is told
// to, and returns what the link has then. A failure is a warning: the routes
// carry the MTU then.
func (l *Link) applyMTU(info linkInfo, next *lease.Lease) int {
	if !l.cfg.LinkMTU || l.cfg.NoMTU {
		return info.mtu
	}
	if next.MTU == 0 {
		return l.restoreMTU(info)
	}
	want := l.cfg.bounded(next.MTU)
	if info.maxMTU > 0 {
		want = min(want, info.maxMTU)
	}
	if want == info.mtu {
		return info.mtu
	}
	old := info.mtu
	if l.mtu.index == info.index && l.mtu.ours == info.mtu {
		old = l.mtu.old
	}
	if !l.setMTU(info, want) {
		return info.mtu
	}
	l.mtu = heldMTU{index: info.index, ours: want, old: old}
	return want
}

// restoreMTU gives the link the MTU back that it had before ours, unless
// somebody has changed it since, and returns what it has then.
func (l *Link) restoreMTU(info linkInfo) int {
	held := l.mtu
	l.mtu = heldMTU{}
	if held.ours == 0 || held.index != info.index || held.ours != info.mtu || !l.setMTU(info, held.old) {
		return info.mtu
	}
	return held.old
}

func (l *Link) setMTU(info linkInfo, mtu int) bool {
	err := l.ns.setMTU(info.index, mtu)
	if err != nil {
		l.log().Warn("link MTU is not set", "mtu", mtu, "err", err)
		return false
	}
	l.log().Info("link MTU is set", "mtu", mtu, "old", info.mtu)
	return true
}
