package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/capture"
	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A link is the client of one interface, and what was opened for it.
type link struct {
	name     string
	client   *client.Client
	watcher  client.LinkWatcher
	detector *arpcheck.Detector
	tap      *capture.Tap
	script   helper.Script
	// prepare has the scripts that configure the link bring it up; nil where
	// there are none.
	prepare func() error
	// taken says that another station has the fallback.
	taken atomic.Bool
	// left says that a client that has ended has left its address on the link.
	left bool
}

// An outfit is what one link has of its own.
type outfit struct {
	// store keeps the lease; nil keeps it in memory.
	store client.LeaseStore
	// hooks are programs to run; none if it names none.
	hooks hook.Config
}

// openLink brings the interface up and puts its client together.
func (f *fleet) openLink(b *berth) (*link, error) {
	name, o := b.name, b.o
	cfg := o.netcfg
	cfg.LeaveDown, cfg.Fixed, cfg.Index = o.dryRun, b.fixed, b.index
	on, err := b.ns.Link(name, cfg)
	if err != nil {
		return nil, refused("CAP_NET_ADMIN", "look at links", err)
	}
	l := &link{name: name, watcher: on}
	config := o.client
	config.Interface, config.LinkWatcher, config.Logger = name, b.watcher(on), f.log
	r := &reporter{name: name, netns: b.netns, out: f.out, log: f.log, o: o, noServer: func() { f.noServer(b) }, super: f.super}
	config.OnEvent = func(ev client.Event) {
		if _, ok := ev.(client.Transition); !ok {
			f.attend() // whoever hears of it can stop us
		}
		if lost, ok := ev.(client.Lost); ok && lost.Lease == o.client.Fallback && lost.Reason == client.LostToAnother {
			l.taken.Store(true)
		}
		b.story.event(ev, func() uint64 { return l.client.Stats().Sent["DISCOVER"] })
		r.event(ev)
		f.meter.change()
		l.tellScript(o, ev)
		if _, ok := ev.(client.HandedOver); ok {
			f.handed(b)
		}
		if b.heard != nil {
			b.heard(ev)
		}
	}
	f.handsOver(&config)
	if !o.dryRun {
		if err := f.equip(b, &config, on, l); err != nil {
			l.closeOthers()
			return nil, err
		}
	}
	if b.fit != nil {
		err = b.fit(&config, on)
	} else if l.prepare == nil {
		err = f.bringUp(b, on)
	}
	if err == nil {
		l.tap, err = f.tap(&config)
	}
	if err == nil {
		l.client, err = client.New(config)
	}
	if err != nil {
		l.closeOthers()
		return nil, err
	}
	if l.prepare == nil {
		f.adoptScripted(on, l)
		return l, nil
	}
	// Scripts have the link when it is ours: another client may serve it, whose
	// address they would take away.
	if err = l.prepare(); err == nil {
		err = f.bringUp(b, on)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// bringUp brings the link up. A dry run says so: it changes nothing else.
func (f *fleet) bringUp(b *berth, on *netcfg.Link) error {
	if b.o.noPreinit {
		return nil
	}
	was, err := true, error(nil)
	if b.o.dryRun {
		was, err = isUp(b.name)
	}
	if err := on.Up(); err != nil {
		return refused("CAP_NET_ADMIN", "bring links up", err)
	}
	if err == nil && !was {
		f.log.Warn("the interface was down: it was brought up, and stays so", "if", b.name)
	}
	return nil
}

func isUp(name string) (bool, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return ifi.Flags&net.FlagUp != 0, nil
}

// equip gives config what a dry run does without: all that leaves a trace on
// the link, in the resolver or on disk.
func (f *fleet) equip(b *berth, config *client.Config, on *netcfg.Link, l *link) error {
	now, err := on.State()
	if err != nil {
		return err
	}
	o := b.o
	find := o.outfit
	if find == nil {
		find = o.ownOutfit
	}
	fit, err := find(l.name, now, config)
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	if fit.store != nil {
		config.LeaseStore = sealed{b.keeps(fit.store), &f.folder}
	}
	if o.client.Takeover && config.LeaseStore != nil {
		f.testify(b, config, on, l, now)
	}
	if err := f.configures(b, config, on, l, fit.hooks, now.Index); err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	if l.prepare == nil && len(now.Addresses) > 0 {
		f.adoptFallback(config, on, l)
	}
	log := f.log.With("if", l.name)
	l.detector, err = arpcheck.Open(now.Index, now.HardwareAddr[:], arpcheck.Config{
		Duration: o.probe, Logger: log, Turns: f.turns, IsOurs: b.ns.IsStation,
		// Nothing is asked of it before there is a client.
		OnPanic: func(value any, stack []byte) { l.client.Panicked(value, stack) },
	})
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, refused("CAP_NET_RAW", "open the ARP socket", err))
	}
	config.ConflictDetector, config.RouterChecker = l.detector, l.detector
	if o.client.ACD == client.NoProbe {
		config.ConflictDetector = indulgent{l.detector, log}
	}
	return nil
}

// ownOutfit is what links have under our own name.
func (o *options) ownOutfit(name string, _ lease.LinkState, config *client.Config) (*outfit, error) {
	store, err := lease.NewDir(o.leases(), name)
	return &outfit{store: store, hooks: o.ownHooks(config)}, err
}

// configures gives config who makes the link match a lease: scripts that are made
// for that, or else we and our resolver, and then the programs that are told.
func (f *fleet) configures(b *berth, config *client.Config, on *netcfg.Link, l *link, hooks hook.Config, index int) (err error) {
	o, aides := b.o, cmp.Or(b.aides, f.aides)
	var scripted *netcfg.Scripted
	if hooks.Configures {
		hooks.After = func(ctx context.Context, next *lease.Lease) error { return scripted.SetLifetimes(ctx, next) }
	}
	if len(hooks.Programs) > 0 {
		hooks.Interface, hooks.Logger = l.name, f.log
		if l.script, err = aides.Script(hooks); err != nil {
			return err
		}
	}
	if o.nameHost != nil {
		name := *o.nameHost
		name.Logger = f.log.With("if", l.name)
		hostname, err := aides.Hostname(l.name, name)
		if err != nil {
			return err
		}
		config.AfterApply = append(config.AfterApply, f.onlyFirst(b, hostname))
	}
	if hooks.Configures {
		config.Configurator = l.script
		l.prepare = func() (err error) {
			if err = l.preinit(f, o); err == nil {
				scripted, err = on.Scripted() // what is there now is not the scripts'
			}
			return err
		}
		return nil
	}
	config.Configurator = on
	if !o.noDNS {
		resolver, err := aides.Resolver(netcfg.ResolverConfig{
			Interface: l.name, Path: o.resolvConf, Logger: f.log,
			// As netcfg has it for the routes.
			Metric: cmp.Or(o.netcfg.Metric, 1000+index),
		})
		if err != nil {
			return err
		}
		config.AfterApply = append(config.AfterApply, f.onlyFirst(b, resolver))
	}
	if l.script != nil {
		config.AfterApply = append(config.AfterApply, l.script)
	}
	return nil
}

// preinit has the scripts bring the link up. What they say of it is not the last
// word: we do it too. They would take the address away that a client before us has
// left.
func (l *link) preinit(f *fleet, o *options) error {
	if o.noPreinit || l.left || l.takenOver() {
		return nil
	}
	f.attend()
	ctx, cancel := context.WithTimeout(f.ctx, l.script.Limit())
	defer cancel()
	return l.script.Preinit(ctx)
}

// tellScript tells the scripts what comes without a lease.
func (l *link) tellScript(o *options, ev client.Event) {
	if l.script == nil {
		return
	}
	switch ev := ev.(type) {
	case client.NoServer:
		// dhclient -1 ends without a word to its script.
		if !o.serverOrFail || o.voice != dhclientVoice {
			l.script.Tell(client.ReasonFail, "")
		}
	case client.Refused:
		l.script.Tell(client.ReasonNak, ev.Message)
	default:
	}
}

// why says what the client waits for, and of a fallback why it is none.
func (l *link) why(fallback *lease.Lease) string {
	if fallback != nil && l.taken.Load() {
		return fmt.Sprintf("another station has the fallback %v", fallback.Address)
	}
	return l.lacks()
}

// What the client rejects where the policy says so.
const (
	otherServer  = "a server that is to be rejected"
	lackingOffer = "offer without an option that is required"
)

// lacks says what the client waits for.
func (l *link) lacks() string {
	stats := l.client.Stats()
	now, err := l.watcher.State()
	switch {
	case err == nil && now.Index == 0:
		return "the interface is gone"
	case err == nil && !now.Carrier:
		return "the interface has no carrier"
	case stats.Sent["DISCOVER"]+stats.Sent["REQUEST"] == 0 && stats.SendErrors > 0:
		return "nothing can be sent"
	case stats.Received["NAK"] > 0:
		return "a server refused (NAK)"
	case stats.Rejected[otherServer] > 0:
		return "a server answered, and is not allowed (--allow-server, --deny-server)"
	case stats.Rejected[lackingOffer] > 0:
		return "there was an offer, but without what --require-option says"
	case stats.Received["OFFER"] > 0:
		return "there was an offer, but it came to nothing: " + l.client.State().String()
	}
	plural := "s"
	if stats.Sent["DISCOVER"] == 1 {
		plural = ""
	}
	return fmt.Sprintf("no server answered (%d DISCOVER%s sent)", stats.Sent["DISCOVER"], plural)
}

// close ends what was opened, after Run or instead of it.
func (l *link) close() {
	_ = l.client.Close()
	l.closeOthers()
}

// closeOthers ends what is not the client's own.
func (l *link) closeOthers() {
	if l.script != nil {
		l.script.Close()
	}
	if l.detector != nil {
		_ = l.detector.Close()
	}
	if l.tap != nil {
		l.tap.Close()
	}
}

// An indulgent detector announces an address but never gives it up: --acd=off
// is for links where some station answers for every address.
type indulgent struct {
	*arpcheck.Detector
	log *slog.Logger
}

// Defend announces addr and, where it is lost, only says so.
func (d indulgent) Defend(addr netip.Addr, _ func(net.HardwareAddr)) {
	d.Detector.Defend(addr, func(by net.HardwareAddr) {
		d.log.Warn("another station uses the address too; kept, as --acd=off says", "address", addr, "station", by)
	})
}
