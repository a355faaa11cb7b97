package main

import (
	"fmt"
	"net"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// plug puts the client's cable in or takes it out.
func (l *lab) plug(in bool) {
	port := l.find(l.sw, portName)
	set := l.sw.LinkSetDown
	if in {
		set = l.sw.LinkSetUp
	}
	l.judge.disturbed(time.Now())
	l.must("move the cable", set(port))
	l.judge.disturbed(time.Now())
	l.cut = !in
}

// rewire puts the client's cable into the switch at home or away.
func (l *lab) rewire(away bool) {
	to := homeName
	if away {
		to = awayName
	}
	l.must("move the cable", l.sw.LinkSetMaster(l.find(l.sw, trunkName), l.find(l.sw, to)))
	l.gone = away
}

// flapStep takes the cable out and puts it back: for less than a second, where
// nobody may notice, or longer.
func flapStep(p plan) planned {
	out := p.between(0, 20*time.Millisecond)
	switch p.IntN(3) {
	case 1:
		out = p.between(20*time.Millisecond, time.Second)
	case 2:
		out = p.between(time.Second, 12*time.Second)
	}
	times := 1 + p.IntN(3)
	if out > time.Second {
		times = 1
	}
	return planned{name: fmt.Sprintf("%d cable flaps of %v", times, out.Round(time.Millisecond)), do: func(l *lab) string {
		for range times {
			l.plug(false)
			l.rest(out)
			l.plug(true)
		}
		return ""
	}}
}

// cutStep leaves the cable out, or puts it back.
func cutStep(plan) planned {
	return planned{name: "cable out or in", do: func(l *lab) string {
		l.plug(l.cut)
		return fmt.Sprintf("out: %v", l.cut)
	}}
}

// downStep sets the link down and up, as an administrator would. It loses its
// routes so, and only the administrator's own come back by his doing.
func downStep(p plan) planned {
	down := p.between(0, 3*time.Second)
	if p.chance(50) {
		down = p.between(0, 50*time.Millisecond)
	}
	return planned{name: fmt.Sprintf("link down for %v", down.Round(time.Millisecond)), do: func(l *lab) string {
		l.judge.disturbed(time.Now())
		l.dropAdminRoutes(func() { l.must("set the link down", l.cli.LinkSetDown(l.link)) })
		l.rest(down)
		l.must("set the link up", l.cli.LinkSetUp(l.link))
		l.judge.disturbed(time.Now())
		return ""
	}}
}

// moveStep takes the cable to the other network or back: by hand, or at the
// switch, so that the client sees nothing of it.
func moveStep(p plan) planned {
	unseen, out := p.chance(25), p.between(0, 2*time.Second)
	if p.chance(50) {
		out = 0
	}
	return planned{name: fmt.Sprintf("cable to the other network, unseen %v", unseen), do: func(l *lab) string {
		if !unseen {
			l.plug(false)
			l.rest(out)
		}
		l.rewire(!l.gone)
		if !unseen {
			l.plug(true)
		}
		return fmt.Sprintf("away: %v", l.gone)
	}}
}

// macStep gives the link another hardware address.
func macStep(p plan) planned {
	mac := lease.HardwareAddr{2, 0xc0, 0, 0, 0, byte(1 + p.IntN(4))}
	leased := p.chance(60)
	return planned{name: fmt.Sprintf("hardware address %v", mac), do: func(l *lab) string {
		if now := macOf(l.find(l.cli, linkName)); now == mac {
			return "as it is"
		}
		if leased {
			l.await()
		}
		l.judge.changedMAC(time.Now(), mac)
		l.must("set the hardware address", l.cli.LinkSetHardwareAddr(l.link, net.HardwareAddr(mac[:])))
		return ""
	}}
}

// renameStep gives the link another name for a while.
func renameStep(p plan) planned {
	d := p.between(0, 3*time.Second)
	return planned{name: fmt.Sprintf("renamed for %v", d.Round(time.Millisecond)), do: func(l *lab) string {
		l.begun() // it wants its link by the name that it was given
		rename := func(name string) { l.must("rename the link", l.cli.LinkSetName(l.link, name)) }
		rename("uplink")
		l.rest(d)
		rename(linkName)
		return ""
	}}
}
