package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/internal/capture"
	"github.com/dhclient-go/dhclient-go/internal/control"
	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A fleet runs one client for each interface, side by side.
type fleet struct {
	// ctx ends with the first signal to stop.
	ctx context.Context
	// halting is held while it is found out whether any link goes on.
	halting sync.Mutex
	// attend has signals be taken and served. Before what may last it is called
	// early, else when the first messages have left: it takes half a millisecond.
	attend func()
	// none says that no interface could be opened, pending that some do not exist
	// yet.
	none, pending bool
	o             *options
	out           io.Writer
	log           *slog.Logger
	ns            *netcfg.Namespace
	berths        []*berth
	// settling is held while the berths are made, and by who may want them
	// before: links may be waited for.
	settling sync.Mutex
	// capture is nil unless it is asked for.
	capture *capture.File
	// away is the way to the background, super who tells systemd: both may be
	// nil.
	away  *departure
	super *supervisor
	// aides do what is outside of the protocol, and helper is the process for
	// that; nil where there is nothing.
	aides  aides
	helper *helper.Helper
	// complained says that it is known that it cannot be executed.
	complained atomic.Bool
	// control serves the commands, which may be nobody, and stop ends the
	// process for one of them. news is what they are told.
	control *control.Server
	stop    func()
	news    control.Feed[*eventLine]
	// folder has the leases, and is the one that the sandbox has; nil for none.
	folder atomic.Pointer[folder]
	// turns has the links of an agent take turns; nil has them wait for nothing.
	turns *arpcheck.Turns
	// winner is who has won with --wait first; nil for nobody yet.
	winner atomic.Pointer[berth]
	// pid is the pid file, meter counts for metrics, and wasHanded says that a link was handed over.
	pid       pidFile
	meter     meter
	wasHanded atomic.Bool
	// place is where the links are, home the number of our own namespace, and
	// unopened the links that have yet to be opened in place.
	place    *place
	home     uint64
	unopened atomic.Int32
}

// A berth is the place of one interface, which may not exist yet.
type berth struct {
	name string
	// o are its own options, those of the fleet unless an agent has others for it.
	o *options
	// place is where the link is, netns what that is called, as --netns has it,
	// and ns what is open there.
	place *place
	netns string
	ns    *netcfg.Namespace
	// fixed says that an agent follows the link, which has that index, and heard is
	// what tells it of events; nil for nobody.
	fixed bool
	index int
	heard func(client.Event)
	// paced is what has the client hear of carrier in its turn; nil for at once.
	paced func(client.LinkSubscriber) client.LinkWatcher
	// store is around the store of a link that may be renamed, and aides are its
	// own; nil for those of the fleet.
	store *movableStore
	aides aides
	// fit changes what the client is made of, last; nil changes nothing.
	fit func(*client.Config, *netcfg.Link) error
	// link is there once ready is closed, and err once ended is.
	link         *link
	err          error
	ready, ended chan struct{}
	// limit ends the wait for a lease, and abandon does that; both are there
	// while the fleet runs.
	limit   context.Context
	abandon context.CancelCauseFunc
	// halted ends the client of this one link, and halt does that.
	halted context.Context
	halt   context.CancelFunc
	story  *story
}

func (f *fleet) newBerth(name string) *berth {
	b := &berth{name: name, o: f.o, place: f.place, netns: f.place.label(), ns: f.ns, ready: make(chan struct{}), ended: make(chan struct{})}
	b.halted, b.halt = context.WithCancel(context.Background())
	if !f.o.once() {
		b.story = &story{name: name, netns: b.netns, news: &f.news}
	}
	return b
}

var (
	// errTimeout is why waiting ended: --timeout is over.
	errTimeout = errors.New("timeout")
	// errAbandoned is why waiting ended: another interface failed, or a signal
	// has come.
	errAbandoned = errors.New("abandoned")
	// errNoServer is why waiting ended: the schedule has given up.
	errNoServer = errors.New("no server")
	// errHalted is why waiting ended: a command has ended the link's client.
	errHalted = errors.New("halted")
)

// newFleet has a berth for each interface, and nothing open.
func newFleet(ctx context.Context, o *options, out io.Writer, log *slog.Logger) (*fleet, error) {
	place, err := openPlace(o.netns)
	if err != nil {
		return nil, err
	}
	f := &fleet{ctx: ctx, attend: func() {}, aides: ourselves{}, o: o, out: out, log: log, place: place, home: control.Netns()}
	o.resolveFor(place, log)
	err = place.do(func() (err error) {
		f.ns, err = netcfg.Open(log)
		return err
	})
	if err != nil {
		place.close()
		return nil, err
	}
	if err = f.meter.open(o.metricsFile); err == nil {
		f.capture, err = openCapture(o, log)
	}
	if err != nil {
		f.close()
		return nil, err
	}
	f.super = newSupervisor(f, log)
	if len(o.selectors) == 0 {
		f.occupy()
	}
	return f, nil
}

// occupy makes a berth for each interface.
func (f *fleet) occupy() {
	f.settling.Lock()
	defer f.settling.Unlock()
	for _, name := range f.o.links {
		f.berths = append(f.berths, f.newBerth(name))
	}
}

// roll is the berths that there are, for who may ask before they are made.
func (f *fleet) roll() []*berth {
	f.settling.Lock()
	defer f.settling.Unlock()
	return f.berths
}

// openAll opens each interface that exists or must exist. With --wait all nothing
// is sent for any of them unless all can be opened, or a program is run anyway.
func (f *fleet) openAll() error {
	if err := f.mayTakeOver(); err != nil {
		return err
	}
	var failed []error
	f.pending = len(f.berths) == 0 // gather waits for them
	for _, b := range f.berths {
		switch b.err = f.open(b); {
		case b.err == nil:
		case f.o.waitLink != 0 && errors.Is(b.err, netcfg.ErrNoLink):
			b.err, f.pending = nil, true // keep waits for it
		default:
			failed = append(failed, b.err)
		}
	}
	f.o.charge.lo(f)
	f.none = len(failed) > 0 && len(failed) == len(f.berths)
	if len(failed) > 0 && !f.o.waitAny && !f.o.charge.anyway() {
		return errors.Join(failed...)
	}
	return nil
}

// open puts the client of b together.
func (f *fleet) open(b *berth) (err error) {
	err = b.place.do(func() (err error) {
		b.link, err = f.openLink(b)
		return err
	})
	if err != nil {
		return err
	}
	f.meter.join(b.link)
	close(b.ready)
	return nil
}

// noServer is what follows when the schedule of b gives up.
func (f *fleet) noServer(b *berth) {
	if f.o.serverOrFail {
		b.abandon(errNoServer)
	}
	if f.o.background == whenLate {
		f.away.departSoon()
	}
}

// close ends what was opened.
func (f *fleet) close() {
	f.meter.close()
	f.unlisten()
	f.away.close()
	f.super.close()
	opened := false
	f.each(func(l *link) {
		l.close()
		opened = true
	})
	f.stopHelper()
	f.o.charge.close()
	f.place.close()
	f.closeCapture(opened || f.o.waitLink != 0)
	if err := f.ns.Close(); err != nil {
		f.log.Debug("close the network namespace", "err", err)
	}
}

// renew asks every client to renew now.
func (f *fleet) renew() { f.each(func(l *link) { l.client.Renew() }) }

// release makes every client give its lease back.
func (f *fleet) release() { f.each(func(l *link) { l.client.Release() }) }

func (f *fleet) each(do func(*link)) {
	for _, b := range f.roll() {
		select {
		case <-b.ready:
			do(b.link)
		default:
		}
	}
}

// run runs the clients until signalled ends or, if the command is to get a
// lease and no more, until there is one. The error says why that failed. What
// meanwhile does has the time that a server takes to answer.
func (f *fleet) run(signalled context.Context, meanwhile func()) error {
	ctx, stop := context.WithCancelCause(signalled)
	defer stop(nil)
	// One limit for all: they fail together then, and each says why.
	limit, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	if f.o.timeout != forever {
		late := f.late(limit, func() { abandon(errTimeout) })
		if f.o.background == whenLate && f.away != nil {
			late = f.away.departSoon
		}
		t := time.AfterFunc(f.o.timeout, late)
		defer t.Stop()
	}
	var running sync.WaitGroup
	f.start(ctx, limit, &running)
	runtime.Gosched() // the first messages leave
	meanwhile()
	if f.o.background == atOnce {
		f.away.depart()
	}
	f.o.charge.begin(f)
	err := f.gather(ctx, limit, &running)
	if err == nil {
		err = f.decide(abandon)
	}
	err = f.o.charge.decided(f, err)
	if err == nil {
		f.away.depart()
		running.Go(func() {
			if err := f.gather(ctx, ctx, &running); err != nil && ctx.Err() == nil {
				f.log.Error(err.Error()) // the program of init runs without a link
			}
		})
	}
	switch {
	case f.o.once() || f.away.waiting():
	case signalled.Err() != nil:
		err = nil // that is how it is meant to end
	case err == nil:
		<-ctx.Done()
	}
	stop(whyEnd(err))
	running.Wait()
	return cmp.Or(err, f.o.charge.failure())
}

// errTooLate is why the clients end when there was no lease in time.
var errTooLate = errors.New("no lease in time")

// whyEnd is why the clients end, nil for that it is wanted.
func whyEnd(err error) error {
	if exitCode(err) == exitNoLease {
		return errTooLate
	}
	return nil
}

// late is what is done when --timeout is over: abandon, or that a little later where
// a client may have something else than a server's word then.
func (f *fleet) late(limit context.Context, abandon func()) func() {
	return func() {
		hopeful := false
		f.each(func(l *link) {
			now, err := l.watcher.State()
			hopeful = hopeful || err == nil && now.Carrier
		})
		if f.o.grace == 0 || !hopeful {
			abandon()
			return
		}
		t := time.AfterFunc(f.o.grace, abandon)
		context.AfterFunc(limit, func() { t.Stop() })
	}
}

// start runs the client of each berth until ctx ends; limit ends the wait for a
// lease.
func (f *fleet) start(ctx, limit context.Context, running *sync.WaitGroup) {
	for _, b := range f.berths {
		b.limit, b.abandon = context.WithCancelCause(limit)
		if b.link == nil && b.err == nil {
			f.unopened.Add(1)
		}
	}
	if len(f.berths) > 0 && f.unopened.Load() == 0 {
		f.place.close()
	}
	for _, b := range f.berths {
		running.Go(func() {
			if b.err == nil {
				b.err = f.keep(ctx, b)
			}
			close(b.ended)
		})
	}
}

// keep runs the client of b until ctx ends, when there is a link.
func (f *fleet) keep(ctx context.Context, b *berth) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.halted, cancel)()
	if b.link == nil {
		err := f.appear(ctx, b.name)
		if err == nil {
			err = f.open(b)
		}
		if f.unopened.Add(-1) == 0 {
			f.place.close() // nothing is opened there any more
		}
		if err != nil {
			return err
		}
	}
	err := b.link.client.Run(ctx)
	f.logCounted(b)
	return refused("CAP_NET_ADMIN", "set addresses and routes", err)
}

// appear waits until the link exists.
func (f *fleet) appear(ctx context.Context, name string) error {
	if f.o.waitLink != forever {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.o.waitLink)
		defer cancel()
	}
	err := f.ns.WaitLink(ctx, name)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not appear within %s", name, span(f.o.waitLink))
	}
	return err
}

// decide waits until it is known whether the command succeeds: with a lease on
// each interface, or on one with --wait any and first.
func (f *fleet) decide(abandon context.CancelCauseFunc) error {
	type outcome struct {
		berth int
		err   error
	}
	outcomes := make(chan outcome, len(f.berths))
	for i, b := range f.berths {
		go func() { outcomes <- outcome{i, f.wait(b)} }()
	}
	errs := make([]error, len(f.berths))
	good, bad, halted := 0, 0, 0
	for range f.berths {
		got := <-outcomes
		switch {
		case got.err == nil && (f.o.waitFirst || f.o.waitAny && (f.o.once() || f.o.charge != nil)):
			f.win(f.berths[got.berth])
			return nil
		case got.err == nil:
			good++
			if f.o.waitAny {
				f.away.depart()
			}
		case errors.Is(got.err, errAbandoned):
			// A signal, or another interface's error.
		case errors.Is(got.err, errHalted):
			halted++ // by one who knows
		case !f.o.waitAny:
			errs[got.berth] = got.err
			abandon(errAbandoned)
		default:
			if bad++; bad+halted == len(f.berths) {
				return got.err
			}
			f.log.Error(got.err.Error())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if good == 0 || good+halted < len(f.berths) && !f.o.waitAny {
		if f.wasHanded.Load() {
			return errHanded
		}
		return errStopped
	}
	return nil
}

// wait returns nil when there is a lease in place for b. Where there is no
// hurry it returns only when b has ended.
func (f *fleet) wait(b *berth) error {
	ready := b.ready
	if !f.o.once() && f.o.timeout == forever && !f.o.serverOrFail && !f.o.waitFirst && !f.away.waiting() {
		ready = nil
	}
	select {
	case <-ready:
		if err := f.await(b); err == nil || b.halted.Err() == nil {
			return err
		}
		return errHalted
	case <-b.ended:
	case <-b.limit.Done():
	}
	switch {
	case b.halted.Err() != nil:
		return errHalted
	case b.limit.Err() == nil:
		return b.err
	case context.Cause(b.limit) == errTimeout:
		return &noLeaseError{b.name, f.o.timeout, "the interface does not exist"}
	}
	return errAbandoned
}

// heirTime is how long a lease that was taken over is waited for at least, whatever
// --timeout says: it is not to be lost by that.
const heirTime = 2 * time.Second

// await returns nil when the client of b has a lease in place.
func (f *fleet) await(b *berth) error {
	l, err := b.link.client.Wait(b.limit)
	switch {
	case err == nil && f.o.dryRun && !f.o.json:
		return writeLease(f.out, b.name, l)
	case err == nil:
		return nil
	case b.limit.Err() == nil:
		// It failed by itself. If it has ended, that says more.
		select {
		case <-b.ended:
			return b.err
		default:
		}
		if f.o.background == whenLate && f.away != nil {
			return f.outlast(b) // it goes on trying, and so do we
		}
		return refused("CAP_NET_ADMIN", "set addresses and routes", err)
	}
	cause := context.Cause(b.limit)
	if cause == errTimeout && f.o.timeout < heirTime && b.link.takenOver() {
		// What was in use until a moment ago is about to be so again.
		ctx, cancel := context.WithTimeout(b.halted, heirTime)
		defer cancel()
		if _, late := b.link.client.Wait(ctx); late == nil {
			return nil
		}
	}
	switch {
	case cause != errTimeout && cause != errNoServer:
		return errAbandoned
	case isConflict(err):
		return err
	case cause == errNoServer && f.o.charge == nil:
		return &noLeaseError{name: b.name, why: b.link.why(b.o.client.Fallback)}
	}
	return &noLeaseError{b.name, f.o.timeout, b.link.why(b.o.client.Fallback)}
}

// outlast waits until b has ended.
func (f *fleet) outlast(b *berth) error {
	select {
	case <-b.ended:
		return b.err
	case <-b.limit.Done():
		return errAbandoned
	}
}
