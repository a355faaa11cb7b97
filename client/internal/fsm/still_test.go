package fsm

import (
	"math/rand/v2"
	"sync"
)

const (
	// centre is the middle of what a random source draws, which is the middle
	// of the jitter; 0 is its low end.
	centre = 1 << 63
	width  = 1 << 58
)

// stillSources are states of the random source whose next three draws give a
// jitter between 0 and a thirty-second of its spread: a test that takes one
// before each Step sees nominal times, whatever was drawn before, and other
// xids each time.
var stillSources = sync.OnceValue(func() []rand.PCG { return sourcesAt(centre) })

// hastySources are the same with the least jitter there is: everything comes as
// early as it can.
var hastySources = sync.OnceValue(func() []rand.PCG { return sourcesAt(0) })

// sourcesAt returns states whose next three draws are low or little more.
func sourcesAt(low uint64) (found []rand.PCG) {
	var before [3]rand.PCG
	var still [3]bool
	source := *rand.NewPCG(2131, 2132)
	for i := 0; len(found) < 48; i++ {
		before[i%3] = source
		still[i%3] = source.Uint64()-low < width
		if still[0] && still[1] && still[2] {
			found = append(found, before[(i+1)%3])
		}
	}
	return found
}

// quiet gives m the k-th of the sources that do not jitter.
func quiet(m *Machine, k int) {
	m.rng = stillSources()[k%len(stillSources())]
}
