package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dhclient-go/dhclient-go/internal/control"
)

// An action is one of renew, rebind, release and stop, of several links.
type action struct {
	command        string
	o              *options
	stdout, stderr io.Writer

	mu sync.Mutex
	// pending are the links whose outcome is not known.
	pending map[pendingLink]bool
	// served are the links for which a process has a client, and unserved why
	// another one has none.
	served   map[string]bool
	unserved map[string]string
	// failed says that it came to nothing on one.
	failed bool
}

// A pendingLink is a link, and the process that will say what came of it.
type pendingLink struct {
	name string
	from int
}

// actOn is the command of that name.
func actOn(command string) func(o *options, stdout, stderr io.Writer) (int, error) {
	return func(o *options, stdout, stderr io.Writer) (int, error) {
		a := &action{command: command, o: o, stdout: stdout, stderr: stderr, pending: map[pendingLink]bool{}, served: map[string]bool{}, unserved: map[string]string{}}
		if err := a.prudent(); err != nil {
			return 0, err
		}
		if o.timeout == forever {
			o.timeout = actionTimeout
		}
		ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
		defer cancel()
		names := o.asked()
		errs := make([]error, len(names))
		var asking sync.WaitGroup
		for i, name := range names {
			asking.Go(func() { errs[i] = a.ask(ctx, name) })
		}
		asking.Wait()
		a.late()
		a.left()
		if err := errors.Join(errs...); err != nil {
			return 0, err
		}
		if a.failed {
			return exitNoLease, nil
		}
		return exitDone, nil
	}
}

// maxNamed is how many links are named in an error.
const maxNamed = 12

// prudent refuses to take the lease from several links that nobody has named.
func (a *action) prudent() error {
	o := a.o
	if a.command != "release" && a.command != "stop" || len(o.links) > 0 || o.all {
		if o.all && len(o.links) > 0 {
			return &usageError{"--all", "contradicts the names of links"}
		}
		return nil
	}
	all, err := statuses(o, false)
	if len(all) < 2 {
		return err
	}
	var names []string
	for _, st := range all {
		names = append(names, st.Interface)
	}
	// An agent has those too that another process serves.
	if names = slices.Compact(names); len(names) == 1 {
		return err
	}
	if len(names) > maxNamed {
		return badUsage("clients run for %d links: name some, or say --all", len(names))
	}
	return badUsage("clients run for %s: name one, or say --all", strings.Join(names, ", "))
}

// ask asks for one link, or all.
func (a *action) ask(ctx context.Context, name string) error {
	found := false
	request, err := a.o.request(a.command, name, false)
	if err != nil {
		return err
	}
	asking := control.Asking{Dir: a.o.controlDir, Request: request}
	asking.Each = func(from int, answer *control.Answer) {
		var r report
		if json.Unmarshal(answer.Link, &r) == nil {
			found = true
			a.report(from, &r)
		}
	}
	asking.Ended = a.ended
	switch err := asking.Do(ctx); {
	case err != nil && !found:
		return unasked(err)
	case !found && ctx.Err() != nil:
		// One that hangs is none that does not run.
		return fmt.Errorf("a process of %s does not answer within %s", a.o.controlDir, span(a.o.timeout))
	case !found:
		return a.o.noClient(name)
	}
	return nil
}

// report says what came of it on one link.
func (a *action) report(from int, r *report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Unserved {
		a.unserved[r.Interface] = r.Text
		return
	}
	a.served[r.Interface] = true
	if r.Pending {
		a.pending[pendingLink{r.Interface, from}] = true
		return
	}
	delete(a.pending, pendingLink{r.Interface, from})
	if r.OK {
		fmt.Fprintf(a.stdout, "%s: %s\n", oneLine(r.Interface), oneLine(r.Text))
		return
	}
	a.fail(r.Interface, r.Text)
}

func (a *action) fail(name, text string) {
	a.failed = true
	complain(a.stderr, fmt.Errorf("%s: %s failed: %s", name, a.command, text))
}

// ended is what the end of a process means for the links that it had.
func (a *action) ended(from int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p := range a.pending {
		if p.from != from {
			continue
		}
		delete(a.pending, p)
		if a.command == "stop" {
			fmt.Fprintf(a.stdout, "%s: stopped\n", oneLine(p.name))
		} else {
			a.fail(p.name, "the process has ended")
		}
	}
}

// late says why there is no outcome yet.
func (a *action) late() {
	var names []string
	for p := range a.pending {
		names = append(names, p.name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		text := fmt.Sprintf("no outcome within %s", span(a.o.timeout))
		if all, err := statusOf(a.o, name, false); err == nil && len(all) > 0 {
			v := newView(a.stdout)
			what, _ := v.headline(&all[0].linkStatus)
			text += fmt.Sprintf("; it goes on: %s, %s", all[0].State, what)
		}
		a.fail(name, text)
	}
}

// left is what became of links that a process would serve, and no process does.
func (a *action) left() {
	for _, name := range slices.Sorted(maps.Keys(a.unserved)) {
		if !a.served[name] {
			a.fail(name, "no client runs: "+a.unserved[name])
		}
	}
}
