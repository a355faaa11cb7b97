package relay

import (
	"math/rand/v2"
	"time"
)

// A Way is one of the two directions.
type Way int

// The ways, after the order in which New is given the links.
const (
	AToB Way = iota
	BToA
)

// String is an arrow.
func (w Way) String() string {
	if w == AToB {
		return "a>b"
	}
	return "b>a"
}

// Faults is what happens to the frames of one way. The zero value does nothing.
// Shares are from 0 to 1.
type Faults struct {
	// Rewrite takes a frame and returns what goes on in its place: it may be
	// changed, followed by others, or gone (nil). The other faults happen to
	// each frame that Rewrite returns. It is called by one goroutine for each
	// way, and may keep and change what it is given.
	Rewrite func(Packet) []Packet
	// FillChecksums completes the checksums that the sender left to hardware,
	// but those of a frame that is to be cut (TCP).
	FillChecksums bool
	// Loss is the share of frames that vanish.
	Loss float64
	// Duplicate is the share of frames of which a second copy follows.
	Duplicate float64
	// Reorder is the share of frames that are held back: until the next frame
	// of this way has left, or HoldLimit has passed.
	Reorder float64
	// Delay is how long every frame is under way. Jitter is how much longer at
	// most: each frame takes its own time, and may overtake another.
	Delay, Jitter time.Duration
}

// HoldLimit is how long a frame is held back if no other comes.
const HoldLimit = 50 * time.Millisecond

// luck is what was drawn for a frame, each from 0 to 1.
type luck struct{ loss, duplicate, reorder, jitter, copyJitter float64 }

// draw takes as many numbers whatever the faults are: the nth frame has the
// nth luck.
func draw(r *rand.Rand) luck {
	return luck{r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64()}
}

// late is how long a frame is under way.
func (f *Faults) late(jitter float64) time.Duration {
	return f.Delay + time.Duration(jitter*float64(f.Jitter))
}
