package scale

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"time"
)

// Options say what is measured.
type Options struct {
	// Bin is the folder of dhclient-go and replay.
	Bin string
	// Sizes are numbers of links, ascending, up to 1000.
	Sizes []int
	// Runs is how often the replay and ours are measured on each; peers take
	// seconds, and are measured once on more than manyLinks.
	Runs int
	// Limit is what a client has for all links. A peer that would take longer
	// is left out: the time of all grows faster than their number.
	Limit time.Duration
	// T1 is when the storm of renewals comes; 0 leaves out both storms.
	T1 time.Duration
	// Idle watches those that have all links do nothing.
	Idle bool
	// Peers has the others take part.
	Peers bool
	// Say is told what is being measured.
	Say io.Writer
}

// Full is what the tables of docs/performance.md are made with.
func Full(bin string, say io.Writer) Options {
	return Options{Bin: bin, Sizes: []int{100, 400, 1000}, Runs: 3, Limit: 30 * time.Second,
		T1: 25 * time.Second, Idle: true, Peers: true, Say: say}
}

// Quick is a look in half a minute.
func Quick(bin string, say io.Writer) Options {
	return Options{Bin: bin, Sizes: []int{50, 200}, Runs: 1, Limit: 10 * time.Second, Peers: true, Say: say}
}

// manyLinks is where peers are measured once.
const manyLinks = 200

// A Result is all that was measured in one run.
type Result struct {
	Machine  Machine
	Programs map[string]string // versions
	Rows     []Row
	Storms   []Storm
}

// Run measures. It needs namespaces of its own (nettest.Enter).
func Run(o Options) (*Result, error) {
	bin, err := filepath.Abs(o.Bin)
	if err != nil {
		return nil, err
	}
	o.Bin = bin
	res := &Result{Machine: thisMachine(), Programs: versions(bin)}
	for _, n := range o.Sizes {
		if err := o.size(res, n); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// size measures all contenders on n links, in turn.
func (o *Options) size(res *Result, n int) error {
	l, err := newLab(n)
	if err != nil {
		return err
	}
	defer l.close()
	list := contenders(o.Bin, l.dir)
	rows := make([][]Row, len(list))
	for round := range o.Runs {
		for i, c := range list {
			if !o.takesPart(c, i, n, round) || c.kind == peer && res.tooSlow(c.name, n, o.Limit) {
				continue
			}
			row, err := l.measure(c, o.Limit, o.depth(c, i, n, round))
			if err != nil {
				return err
			}
			fmt.Fprintf(o.Say, "%s: %d of %d links in %.2f s (run %d of %d)\n", c.name, row.Bound, n, row.Seconds, round+1, o.Runs)
			rows[i] = append(rows[i], row)
		}
	}
	for i := range list {
		if len(rows[i]) > 0 {
			res.Rows = append(res.Rows, middle(rows[i]))
		}
	}
	if o.T1 == 0 || n != o.Sizes[len(o.Sizes)-1] {
		return nil
	}
	return o.storms(res, l, list)
}

// takesPart is whether contender i is measured in a round: the first replay and
// ours are in each, so that a slow moment of the machine meets them alike.
func (o *Options) takesPart(c contender, i, n, round int) bool {
	switch {
	case c.kind == peer && !o.Peers:
		return false
	case c.kind == ours || i == 0 || round == 0:
		return true
	}
	return c.kind == peer && n <= manyLinks
}

// tooSlow says that a client had not all links in time on the size before, or
// would not have n.
func (r *Result) tooSlow(client string, n int, limit time.Duration) bool {
	for _, row := range slices.Backward(r.Rows) {
		if row.Client == client && row.Links < n {
			// Between the number, which is that of the messages, and its
			// square, which is that of what the bridge makes of them.
			times := math.Pow(float64(n)/float64(row.Links), 1.5)
			return row.Bound < row.Links || row.Seconds*times > limit.Seconds()
		}
	}
	return false
}

// depth has each contender looked at closely in its last round.
func (o *Options) depth(c contender, i, n, round int) depth {
	switch last := round == o.Runs-1 || !o.takesPart(c, i, n, round+1); {
	case !last:
		return timeOnly
	case o.Idle && n > manyLinks:
		return withIdle
	}
	return withMemory
}

// storms has each of ours renew all links, and lose and regain them.
func (o *Options) storms(res *Result, l *lab, list []contender) error {
	for _, c := range list {
		if c.kind != ours {
			continue
		}
		fmt.Fprintf(o.Say, "%d links, renewals and a flap of all: %s\n", len(l.links), c.name)
		s, err := l.storm(c, o.T1, o.Limit)
		if err != nil {
			// What was measured before is not lost by it.
			s.Failed = err.Error()
		}
		res.Storms = append(res.Storms, s)
	}
	return nil
}
