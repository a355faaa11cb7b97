package main

import (
	"errors"
	"fmt"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// errHanded is why waiting ended: another process has taken the link over, and
// gets the lease that was waited for.
var errHanded = errors.New("handed over to another process before there was a lease")

// handsOver has the client of b leave the link to a process that wants it. With
// the last link this one ends, and nobody's program may end with it.
func (f *fleet) handsOver(config *client.Config) {
	config.OnHandover = func(int, string) error {
		if f.o.charge != nil {
			return errors.New("its program (init) would end")
		}
		return nil
	}
}

// mayTakeOver says why one of several links cannot be taken over: then none is, for
// those that were would be without a client. Where any link will do, each is taken
// that can be.
func (f *fleet) mayTakeOver() error {
	if len(f.berths) < 2 || f.o.waitAny || f.o.charge.anyway() {
		return nil
	}
	var failed []error
	for _, b := range f.berths {
		if !b.o.client.Takeover {
			continue
		}
		err := b.place.do(func() error {
			on, err := b.ns.Link(b.name, b.o.netcfg)
			if err != nil {
				return nil // openLink says so, or it comes later
			}
			now, err := on.State()
			if err != nil || now.Index == 0 {
				return nil
			}
			return client.MayTakeOver(now)
		})
		if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// handed ends what the command does for b, whose link gets another process. The
// pid file goes before that one can write its own at the same place.
func (f *fleet) handed(b *berth) {
	if b.fixed {
		return // the agent has other links, and may get this one back
	}
	f.wasHanded.Store(true)
	if f.halt([]*berth{b}) {
		f.pid.remove()
	}
}

// takenOver says that another process had the link until now: what is on it is in
// use.
func (l *link) takenOver() bool {
	_, ok := l.client.TakenFrom()
	return ok
}

// adoptScripted has what a script of the process before has set count as ours, as what
// that process has set itself does: else its default route would stay for good.
func (f *fleet) adoptScripted(on *netcfg.Link, l *link) {
	taken := l.client.TakenLease()
	if taken == nil {
		return
	}
	if err := on.AdoptScripted(taken.Address); err != nil {
		f.log.Warn("it is not known what another client has left", "if", l.name, "err", err)
	}
}

// processWords is a process as a person finds it, with what is known of it.
func processWords(pid int, name string) string {
	switch {
	case pid > 0 && name != "":
		return fmt.Sprintf("process %d (%s)", pid, name)
	case pid > 0:
		return fmt.Sprintf("process %d", pid)
	}
	return "a process of another PID namespace"
}

// tookOver says from whom the link was taken over, and with what: l, or where that
// was left out its address, empty for nothing.
func tookOver(pid int, name string, l *lease.Lease, address string) string {
	text := "taken over from " + processWords(pid, name)
	switch {
	case l != nil:
		return text + ", with " + prefix(l)
	case address != "":
		return text + ", with " + address
	}
	return text + ", which had no lease"
}
