package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// A config is what a run is made of.
type config struct {
	seed    uint64
	length  time.Duration
	labs    int
	only    int // the number of the one lab to run, or -1
	program string
	verbose func(format string, args ...any)
}

// ending is how much of the time is left for the lease that each lab wants at
// the end.
const ending = 8 * time.Second

// A verdict is what came of a lab.
type verdict struct {
	lab        *lab
	violations []string
	err        error
}

// run runs the labs side by side and returns what each came to, in their order.
func (c config) run(ctx context.Context) []verdict {
	all := make([]verdict, c.labs)
	var wait sync.WaitGroup
	for i := range all {
		if c.only >= 0 && c.only != i {
			continue
		}
		wait.Go(func() { all[i] = c.runLab(ctx, i) })
	}
	wait.Wait()
	return all
}

func (c config) runLab(ctx context.Context, number int) (v verdict) {
	s := &stage{}
	until := time.Now().Add(c.length - min(ending, c.length/3))
	v.err = s.act(func() {
		// A seed for each lab, which another number of labs does not change.
		v.lab = newLab(ctx, s, c.seed*1000003+uint64(number), number, c.program, c.verbose)
		v.lab.watch()
		v.lab.run(until)
		time.Sleep(settle + 2*lookEvery) // what was heard last is judged too
	})
	if v.lab != nil {
		v.violations = v.lab.judge.violations()
	}
	return v
}

// failed says that the run found something, and the harness worked.
func (v verdict) failed() bool { return v.err != nil || len(v.violations) > 0 }

// report is all that there is to know about a lab that failed.
func (v verdict) report(c config) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, text := range v.violations {
		line("VIOLATION %s", text)
	}
	if v.err != nil {
		line("%v", v.err)
	}
	if v.lab == nil {
		return b.String()
	}
	line("\nseed %d, lab %d; to see it again:\n\tgo run ./internal/chaos -seed %d -for %v -labs %d -lab %d -v",
		c.seed, v.lab.number, c.seed, c.length, c.labs, v.lab.number)
	line("\nits steps:\n%s", strings.Join(v.lab.history, "\n"))
	v.lab.judge.mu.Lock()
	line("\nwhat was on the wire and on the link:\n%s", v.lab.judge.diary.tail(150))
	v.lab.judge.mu.Unlock()
	if v.lab.client != nil {
		log := strings.Split(v.lab.client.log.String(), "\n")
		line("\nthe log of the client, %s:\n%s", strings.Join(v.lab.client.flags, " "), strings.Join(log[max(0, len(log)-150):], "\n"))
	}
	return b.String()
}
