package scale

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	settle    = 5 * time.Second // until memory is looked at: no garbage of the start waits any more
	watchIdle = 10 * time.Second
	// announced is when the last announcement of an address has left, for each link
	// (RFC 5227 2.3): with many links ours take turns, a hundred in a second.
	announced = 25 * time.Millisecond
	alive     = 200 * time.Millisecond // how often it is looked whether it runs
)

// A Row is what one contender cost on a number of links.
type Row struct {
	Client string
	Kind   string // "floor", "ours" or "peer"
	Links  int
	// Bound is how many had an address in the end. Where it is fewer than
	// Links the time was over, and what follows is of that moment.
	Bound int
	// Seconds to the last address, median of Runs.
	Seconds float64
	Runs    int
	// Messages that the server heard until then, and the most in a second.
	Messages, Burst int
	// What the server's socket had no room for until then, and what the queues
	// of the kernel for arriving frames had none for, copies of a flood too:
	// those are the machine's.
	ServerDrops, QueueDrops int
	// CPU is processor time for each lease, in ms; negative if not known.
	CPU float64
	// Processes, and their anonymous memory in KiB. Helper is what is in it
	// of others than the largest process.
	Processes, Anon, Helper int
	// IdleCPU is processor time in ms, and IdleSwitches are context switches,
	// in 10 s with all links bound; negative if not measured.
	IdleCPU      float64
	IdleSwitches int
}

var kinds = map[kind]string{floor: "floor", ours: "ours", peer: "peer"}

// A depth is how closely a contender is looked at.
type depth int

const (
	timeOnly depth = iota
	withMemory
	withIdle
)

// measure runs a contender once, from nothing. It takes limit at most until it
// gives up.
func (l *lab) measure(c contender, limit time.Duration, deep depth) (row Row, err error) {
	row = Row{Client: c.name, Kind: kinds[c.kind], Links: len(l.links), Runs: 1, CPU: -1, IdleCPU: -1, IdleSwitches: -1}
	if err := errors.Join(l.clean(), l.serve(pool{lease: "1h"})); err != nil {
		return row, err
	}
	w, err := newWatch()
	if err != nil {
		return row, err
	}
	defer w.close()
	e, err := newEar()
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	queue := queueDrops()
	before, counted := l.group.used()
	began := time.Now()
	r, err := l.start(c)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	last, err := l.await(c, r, w, limit, &row)
	if err != nil {
		return row, fmt.Errorf("%s on %d links: %w: %s", c.name, len(l.links), err, r.out)
	}
	if now, ok := l.group.used(); ok && counted && row.Bound > 0 {
		row.CPU = milli(now-before) / float64(row.Bound)
	}
	row.Seconds = last.Sub(began).Seconds()
	row.ServerDrops, row.QueueDrops = l.serverDrops(), queueDrops()-queue
	heard := e.since(began, toServer)
	row.Messages = len(heard)
	_, row.Burst = perSecond(heard, began)
	if deep >= withMemory && c.kind != floor && row.Bound == row.Links {
		err = l.rest(&row, deep)
	}
	return row, err
}

// await waits until all links are bound, and says when the last was.
func (l *lab) await(c contender, r *running, w *watch, limit time.Duration, row *Row) (last time.Time, err error) {
	for deadline := time.Now().Add(limit); ; {
		ended := r.ended()
		if !c.silent {
			row.Bound, err = w.until(len(l.links), min(limit, alive))
			last = w.last
		} else if last = time.Now(); ended {
			row.Bound = len(l.links)
		} else {
			r.wait(alive)
		}
		switch {
		case err != nil || row.Bound == len(l.links) || time.Now().After(deadline):
			return last, err
		case ended:
			return last, errors.New("it has ended")
		}
	}
}

// rest looks at what the contender costs when it has nothing to do.
func (l *lab) rest(row *Row, deep depth) error {
	time.Sleep(settle)
	before, err := look()
	if err != nil {
		return err
	}
	row.Processes, row.Anon, row.Helper = before.processes, before.anon, before.helper
	if deep < withIdle {
		return nil
	}
	time.Sleep(time.Duration(len(l.links)) * announced)
	cpu, counted := l.group.used()
	time.Sleep(watchIdle)
	now, ok := l.group.used()
	after, err := look()
	if err != nil {
		return err
	}
	if counted && ok {
		row.IdleCPU = milli(now - cpu)
	}
	row.IdleSwitches = after.switches - before.switches
	return nil
}

// middle is the row of the median time, with the memory and rest of the one that
// was looked at most closely.
func middle(rows []Row) Row {
	closest := rows[len(rows)-1]
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(a, b Row) int {
		if a.Bound != b.Bound {
			return b.Bound - a.Bound
		}
		return int(1e6 * (a.Seconds - b.Seconds))
	})
	m := sorted[len(sorted)/2]
	m.Runs = len(rows)
	m.Processes, m.Anon, m.Helper = closest.Processes, closest.Anon, closest.Helper
	m.IdleCPU, m.IdleSwitches = closest.IdleCPU, closest.IdleSwitches
	return m
}

func milli(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
