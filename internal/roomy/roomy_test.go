package roomy

import (
	"runtime"
	"testing"
)

// stacks is what n goroutines that have called Grow have of stack, while they live.
func stacks(n int) int {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	grown, end := make(chan bool), make(chan bool)
	for range n {
		go func() {
			Grow()
			grown <- true
			<-end
		}()
	}
	for range n {
		<-grown
	}
	runtime.ReadMemStats(&after)
	close(end)
	return (int(after.StackInuse) - int(before.StackInuse)) / n
}

// The first goroutines get a stack with room, and a thousand that come later do not.
func TestGrow_TheFirstOnly(t *testing.T) {
	calls.Store(0)
	if got := stacks(first); got < 16<<10 {
		t.Errorf("the first have %d octets each", got)
	}
	if got := stacks(1000); got > 8<<10 {
		t.Errorf("those that come later have %d octets each", got)
	}
}
