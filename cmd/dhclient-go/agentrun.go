package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/control"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/internal/metrics"
)

// An agency is the process of an agent: it has package agent follow the links, and
// puts each together as a fleet does.
type agency struct {
	*fleet
	lib *agent.Agent
	// places are the namespaces by their labels; nil is our own.
	places map[string]*place
	signal *signals

	// reloading is held while the config file is read, and while plans are made:
	// match has what --match says, and file and plans are what is in force.
	reloading sync.Mutex
	match     *options
	file      *agentConfig
	plans     map[planKey]*agentPlan
	// aiding is what the helper process was started for.
	aiding *helper.Config
	tidy   tidier
	// opened is closed: it is the berth.ready of all links, which nobody hears of
	// before they are.
	opened chan struct{}
	// told is the way to systemd.
	told *agentNotice
	// cni is for plugins of containers; nil without --cni.
	cni *forPlugins
}

// garbage is how much there may be of it before it is collected, in percent of what
// is in use: half of what is usual, since that is some MiB with many links.
const garbage = 50

// serveAgent runs the agent that o wants.
func serveAgent(o *options, signals *signals, out, errs *output) error {
	daemon.CloseOnExec()
	debug.SetGCPercent(garbage)
	log := newBoundedLogger(o, newLogger(o, errs))
	for _, prepare := range []func() error{o.absolutePaths, o.findScripts, func() error { return checkCapabilities(o) }} {
		if err := prepare(); err != nil {
			return err
		}
	}
	a, err := newAgency(o, signals, out, log)
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.startAides(); err != nil {
		return err
	}
	a.pid.write(o, log)
	defer a.pid.remove()
	a.told = newAgentNotice(a)
	defer a.told.close()
	if err := a.prepare(signals, out, errs); err != nil {
		return err
	}
	if err := a.servePlugins(); err != nil {
		return err
	}
	defer a.cni.close()
	signals.take()
	go signals.serve(a)
	a.executeHelper()
	a.serveCommands()
	a.secureAgent()
	a.keepMetrics(func() *metrics.Report { return a.reportOf(a.lib.Links()) })
	defer context.AfterFunc(signals.ctx, a.told.stopping)()
	return a.lib.Run(signals.ctx)
}

// newAgency has the namespaces open, and nothing served yet.
func newAgency(o *options, signals *signals, out *output, log *slog.Logger) (*agency, error) {
	f := &fleet{ctx: signals.ctx, attend: func() {}, aides: ourselves{}, o: o, out: out, log: log, home: control.Netns(), turns: &arpcheck.Turns{}}
	if err := f.meter.open(o.metricsFile); err != nil {
		return nil, err
	}
	a := &agency{fleet: f, places: map[string]*place{}, signal: signals, match: o, file: o.agent.file, plans: map[planKey]*agentPlan{}, opened: make(chan struct{})}
	close(a.opened)
	cfg := agent.Config{Logger: log, Plan: a.plan, Begun: a.ready}
	if o.agent.config == "" && len(o.links) == 0 {
		cfg.Plan = nil // --cni alone is for containers
	}
	for _, n := range o.agent.netns {
		p, err := openPlace(n)
		if err == nil {
			err = a.isNew(p)
		}
		if err != nil {
			p.close()
			a.close()
			return nil, err
		}
		a.places[p.label()] = p
		cfg.Namespaces = append(cfg.Namespaces, agent.Namespace{Name: p.label(), Do: p.do, Close: p.close})
	}
	lib, err := agent.New(cfg)
	if err != nil {
		a.close()
		return nil, err
	}
	a.lib = lib
	return a, nil
}

// isNew says nothing if the namespace was not named before: its links would be
// served twice.
func (a *agency) isNew(p *place) error {
	for _, other := range a.places {
		if n := p.number(); n != 0 && n == other.number() {
			return &usageError{"--netns", fmt.Sprintf("%s and %s are the same network namespace", cmp.Or(other.label(), "."), cmp.Or(p.label(), "."))}
		}
	}
	return nil
}

// ready says that the links are followed.
func (a *agency) ready() {
	a.begun()
	a.told.ready()
	a.away.depart()
}

// close ends what is not the links'.
func (a *agency) close() {
	a.tidy.close()
	a.meter.close()
	a.unlisten()
	a.away.close()
	a.stopHelper()
	for _, p := range a.places {
		p.close()
	}
}

// isAnywhereElse says that a namespace is not our own, so that it is to be entered
// for each link that appears there.
func (a *agency) isAnywhereElse() bool {
	for _, p := range a.places {
		if p.isElsewhere() {
			return true
		}
	}
	return false
}

// clients are those that run.
func (a *agency) clients() (all []*berth) {
	for _, st := range a.lib.Links() {
		if b := berthOf(&st); b != nil {
			all = append(all, b)
		}
	}
	return all
}

// berthOf is the berth of a link; nil where no client runs.
func berthOf(st *agent.Status) *berth {
	if st.Served == nil {
		return nil
	}
	b, _ := st.Served.Info.(*berth)
	return b
}

// renew asks every client to renew now.
func (a *agency) renew() {
	for _, b := range a.clients() {
		b.link.client.Renew()
	}
}

// release makes every client give its lease back.
func (a *agency) release() {
	for _, b := range a.clients() {
		b.link.client.Release()
	}
}

// reload reads the config file again. What is wrong with it is said, and nothing
// changes then.
func (a *agency) reload() {
	if a.o.agent.config == "" {
		a.log.Warn("there is no config file to be read again")
		return
	}
	a.told.reloading()
	defer a.told.ready()
	file, err := readAgentConfig(a.o.agent.config, fileFlags(), newAgentOptions)
	if err == nil {
		err = a.canServe(file)
	}
	if err != nil {
		a.logEach("the config file is not used, and what was in force stays so", err)
		return
	}
	if !a.o.agent.netnsGiven && !sameNetns(file.process.agent.netns, a.o.agent.file.process.agent.netns) {
		a.log.Warn("other namespaces (netns under [agent]) take a restart")
	}
	a.reloading.Lock()
	a.file, a.plans = file, map[planKey]*agentPlan{}
	if !a.o.agent.matchGiven {
		a.match = file.process
	}
	a.reloading.Unlock()
	a.lib.Reload(a.plan)
	a.log.Info("the config file was read again", "file", a.o.agent.config)
}

func sameNetns(a, b []*netns) bool {
	return slices.EqualFunc(a, b, func(x, y *netns) bool { return x.label() == y.label() })
}

// logEach logs each error that err is made of.
func (a *agency) logEach(message string, err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range many.Unwrap() {
			a.logEach(message, err)
		}
		return
	}
	a.log.Error(message, "err", err)
}

// canServe says why what a config file wants cannot be had without a restart: the
// helper process runs nothing that was not named at its start.
func (a *agency) canServe(file *agentConfig) error {
	if a.o.noSandbox {
		return nil
	}
	if a.aiding == nil {
		a.aiding = &helper.Config{} // it has none, and cannot start one any more
	}
	var errs []error
	for _, s := range file.sections {
		if s.plan == nil {
			continue
		}
		if why := a.missingAide(s.plan.options); why != "" {
			errs = append(errs, fmt.Errorf("%s: %s: that takes a restart", s.plan.source, why))
		}
	}
	return errors.Join(errs...)
}
