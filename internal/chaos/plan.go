package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A plan draws steps from a seed: the same seed, the same steps and pauses. What
// becomes of them depends on the time that everybody takes.
type plan struct{ *rand.Rand }

func newPlan(seed uint64) plan {
	return plan{rand.New(rand.NewPCG(seed, 0x6368616f73))}
}

// A planned step says what it does, does it, and rests.
type planned struct {
	name string
	// do returns the outcome, for the history.
	do    func(l *lab) string
	pause time.Duration
}

// A kind of step draws what it needs from the plan, and is drawn itself as often
// as its weight says.
type kind struct {
	weight int
	draw   func(p plan) planned
}

// kinds is every kind of step; a new one is a new row.
func kinds() []kind {
	return []kind{
		{10, killStep}, {3, massacreStep}, {8, termStep}, {5, renewStep}, {4, releaseStep},
		{5, stopServerStep}, {5, startServerStep}, {6, restartServerStep}, {5, switchServersStep},
		{8, flapStep}, {3, cutStep}, {6, downStep}, {7, moveStep}, {5, macStep}, {3, renameStep},
		{9, weatherStep}, {6, squatStep},
		{5, adminAddressStep}, {5, adminRouteStep}, {6, deleteAddressStep}, {4, deleteRouteStep},
		{6, diskStep}, {3, corruptStep},
		{14, calmStep},
	}
}

func (p plan) next() planned {
	total := 0
	for _, k := range kinds() {
		total += k.weight
	}
	n := p.IntN(total)
	for _, k := range kinds() {
		if n -= k.weight; n < 0 {
			s := k.draw(p)
			s.pause = p.pause()
			return s
		}
	}
	panic("unreachable")
}

// pause is mostly short, so that a step falls into what the one before it has
// begun, and sometimes as long as a lease.
func (p plan) pause() time.Duration {
	switch n := p.IntN(20); {
	case n < 8:
		return p.between(0, 200*time.Millisecond)
	case n < 19:
		return p.between(200*time.Millisecond, 2500*time.Millisecond)
	}
	return p.between(3*time.Second, 12*time.Second)
}

func (p plan) between(from, to time.Duration) time.Duration {
	return from + time.Duration(p.Int64N(int64(to-from)))
}

func (p plan) chance(percent int) bool { return p.IntN(100) < percent }

// of draws one of the words.
func (p plan) of(words ...string) string { return words[p.IntN(len(words))] }

// flags draws how the client is started.
func (p plan) flags() []string {
	flags := []string{"--acd=" + p.of("200ms", "200ms", "200ms", "50ms", "optimistic", "off", "rfc5227"),
		"--on-exit=" + p.of("keep", "keep", "remove", "release")}
	if p.chance(30) {
		flags = append(flags, fmt.Sprintf("--metric=%d", 100+p.IntN(5000)))
	}
	if p.chance(15) {
		flags = append(flags, "--retransmit=rfc2131")
	}
	if p.chance(20) {
		flags = append(flags, "--broadcast")
	}
	return flags
}
