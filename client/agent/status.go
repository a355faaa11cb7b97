package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Status is how a link is.
type Status struct {
	Link Link
	// Asked says that it is served by Serve, and not by Config.Plan.
	Asked bool
	Phase Phase
	// Plan is how it is to be served.
	Plan Plan
	// State and Lease are those of the client; the zero State and nil where none
	// runs. Served is nil then.
	State  client.State
	Lease  *lease.Lease
	Served *Served
	// Restarts is how often it has failed, Panics how often of them with a panic,
	// and Err how the last time; Retry is when it is tried again, if it waits for
	// that.
	Restarts, Panics uint64
	Err              error
	Retry            time.Time
}

// Links is how each link is that is served or is to be, in order of its namespace
// and name. It asks no client that hangs.
func (a *Agent) Links() []Status {
	a.mu.Lock()
	var all []Status
	for _, s := range a.spaces {
		for _, m := range s.members {
			if m.plan != nil || m.isBusy() {
				all = append(all, m.status())
			}
		}
	}
	a.mu.Unlock()
	for i := range all {
		if served := all[i].Served; served != nil {
			all[i].State, all[i].Lease = served.Client.State(), served.Client.Lease()
		}
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Link.Netns, b.Link.Netns), cmp.Compare(a.Link.Name, b.Link.Name))
	})
	return all
}

func (m *member) status() Status {
	return Status{Link: m.link, Asked: m.asked, Phase: m.phase, Plan: m.plan, Served: m.served,
		Restarts: m.restarts, Panics: m.panics, Err: m.err, Retry: m.retry}
}

// Faults is how often clients have failed, and how often of them with a panic: of
// all links, those too that are gone.
func (a *Agent) Faults() (restarts, panics uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.restarts, a.panics
}
