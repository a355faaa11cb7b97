package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// losses are rules of nftables for what passes through the client's port.
var losses = map[string]string{
	"30 % both ways":      `numgen random mod 100 < 30 drop`,
	"all to the client":   `oifname "port0" drop`,
	"all from the client": `iifname "port0" drop`,
	"60 % to the client":  `oifname "port0" numgen random mod 100 < 60 drop`,
}

// lose has the switch lose frames; "" ends that.
func (l *lab) lose(what string) {
	rules := "add table bridge chaos\ndelete table bridge chaos\n"
	if what != "" {
		rules += fmt.Sprintf("table bridge chaos {\nchain forward {\ntype filter hook forward priority 0\n%s\n}\n}\n", losses[what])
	}
	cmd := l.wires.Command(l.ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	out, err := cmd.CombinedOutput()
	if l.ctx.Err() == nil && err != nil {
		l.Fatalf("lose frames: %v: %s", err, out)
	}
	l.loss = what
}

// lossStep has frames lost, or ends that.
func lossStep(p plan) planned {
	what := p.of("30 % both ways", "30 % both ways", "30 % both ways", "all to the client", "all from the client", "60 % to the client")
	return planned{name: "loss on or off", do: func(l *lab) string {
		if l.loss != "" {
			what = ""
		}
		l.lose(what)
		return fmt.Sprintf("%q", what)
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
		a, ok := l.address()
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
