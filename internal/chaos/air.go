package main

import (
	"fmt"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
)

// A weather is what becomes of frames from the client and of those to it.
type weather struct {
	name     string
	from, to relay.Faults
}

func both(name string, f relay.Faults) weather { return weather{name, f, f} }

// weathers are those that come and go.
var weathers = []weather{
	both("30 % lost", relay.Faults{Loss: 0.3}),
	both("30 % lost, late by up to 0.5 s", relay.Faults{Loss: 0.3, Jitter: 500 * time.Millisecond}),
	both("half doubled, a third out of order", relay.Faults{Duplicate: 0.5, Reorder: 0.3}),
	both("late by a second", relay.Faults{Delay: time.Second}),
	{name: "60 % lost to the client", to: relay.Faults{Loss: 0.6}},
	{name: "all lost to the client", to: relay.Faults{Loss: 1}},
	{name: "all lost from the client", from: relay.Faults{Loss: 1}},
	{name: "answers late by up to 3 s", to: relay.Faults{Jitter: 3 * time.Second}},
}

// expose sets the weather between the client's port and the switch.
func (l *lab) expose(w weather) {
	l.air.Set(relay.AToB, w.from)
	l.air.Set(relay.BToA, w.to)
	l.weather = w.name
}

// weatherStep makes bad weather, or ends it.
func weatherStep(p plan) planned {
	w := weathers[p.IntN(len(weathers))]
	return planned{name: "frames lost, late and doubled, or not", do: func(l *lab) string {
		if l.weather != "" {
			w = weather{}
		}
		l.expose(w)
		return fmt.Sprintf("%q", l.weather)
	}}
}

// squatStep has another host take the leased address, and insist, or go.
func squatStep(p plan) planned {
	times, gap := p.IntN(4), p.between(0, 300*time.Millisecond)
	return planned{name: fmt.Sprintf("another host takes the address, %d claims", times), do: func(l *lab) string {
		if l.squatter != nil {
			l.evict()
			return "it is gone"
		}
		a, ok := l.await()
		if !ok {
			return "no address"
		}
		l.other.Do(l.stage, func() {
			var err error
			l.squatter, err = dhcptest.Squat(linkName, a.prefix.Addr(), l.otherMAC)
			l.must("take an address", err)
		})
		for range times {
			l.must("claim the address", l.squatter.Announce())
			l.rest(gap)
		}
		return a.prefix.String()
	}}
}

// evict ends what squatStep began.
func (l *lab) evict() {
	if l.squatter != nil {
		l.must("close the other host", l.squatter.Close())
		l.squatter = nil
	}
}
