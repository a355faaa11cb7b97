package fsm

import (
	"math/rand/v2"
	"sync"
)

// stillSources are states of the random source whose next three draws give a
// jitter between 0 and a thirty-second of its spread: a test that takes one
// before each Step sees nominal times, whatever was drawn before, and other
// xids each time.
var stillSources = sync.OnceValue(func() (found []rand.PCG) {
	const (
		centre = 1 << 63 // the middle of the draws is the middle of the jitter
		width  = 1 << 58
	)
	var before [3]rand.PCG
	var still [3]bool
	source := *rand.NewPCG(2131, 2132)
	for i := 0; len(found) < 48; i++ {
		before[i%3] = source
		still[i%3] = source.Uint64()-centre < width
		if still[0] && still[1] && still[2] {
			found = append(found, before[(i+1)%3])
		}
	}
	return found
})

// quiet gives m the k-th of the sources that do not jitter.
func quiet(m *Machine, k int) {
	m.rng = stillSources()[k%len(stillSources())]
}
