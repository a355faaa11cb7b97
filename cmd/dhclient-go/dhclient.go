package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/cmd/dhclient-go/dhclientargs"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
	"github.com/dhclient-go/dhclient-go/internal/isc"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A dhclient is the program under that name: what its command line and its
// dhclient.conf say.
type dhclient struct {
	args *dhclientargs.Args
	conf *isc.Config
	log  *slog.Logger

	mu sync.Mutex
	// scripts are those of each link.
	scripts map[string]hook.Config
}

// asDhclient is dhclient(8).
func asDhclient(args []string, stdout, stderr io.Writer) int {
	signals := catchSignals()
	defer signals.stop()
	a, err := dhclientargs.Parse(args, os.Getenv)
	if err != nil {
		complainAs(stderr, "dhclient", err)
		return exitRuntime // as dhclient does
	}
	switch a.Action {
	case dhclientargs.Help:
		_, _ = io.WriteString(stderr, dhclientargs.Usage("dhclient"))
		return exitDone
	case dhclientargs.Version:
		fmt.Fprintf(stderr, "%s (as dhclient)\n", versionLine())
		return exitDone
	case dhclientargs.Run, dhclientargs.Release, dhclientargs.Stop:
	}
	if dir, err := os.Getwd(); err == nil {
		a.Absolute(dir)
	}
	d := &dhclient{args: a, log: slog.New(&lineHandler{w: stderr, level: slog.LevelWarn})}
	err = d.configure()
	if err == nil && a.Action != dhclientargs.Run {
		err = d.end(signals, stdout, stderr)
	} else if err == nil {
		return d.run(signals, stdout, stderr)
	}
	if err != nil {
		complainAs(stderr, "dhclient", err)
	}
	return dhclientExit(err)
}

// dhclientExit is how dhclient ends: with 2 for no lease, and 1 for all else.
func dhclientExit(err error) int {
	if code := exitCode(err); code == exitNoLease || code == exitConflict {
		return exitNoLease
	}
	return oneExit(err)
}

// configure reads dhclient.conf. What it does not understand of it is told, and
// has no effect.
func (d *dhclient) configure() (err error) {
	paths := dhclientargs.DefaultConfFiles
	if d.args.ConfFile.Given {
		paths = []string{d.args.ConfFile.Name}
	}
	for _, path := range paths {
		d.conf, err = isc.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, w := range d.conf.Warnings {
			d.warn(w.String())
		}
		return nil
	}
	if d.args.ConfFile.Given {
		d.warn("there is no configuration " + d.args.ConfFile.Name)
	}
	d.conf, err = isc.Parse("", nil, nil)
	return err
}

// warn says what a person should know, once: the process in the background has
// read the same.
func (d *dhclient) warn(text string) {
	if daemon.Inherited() == nil {
		d.log.Warn(text)
	}
}

// run gets leases and keeps them.
func (d *dhclient) run(signals *signals, stdout, stderr io.Writer) int {
	a := d.args
	if len(a.Ignored) > 0 && a.Verbose {
		d.warn(fmt.Sprint("flags without effect: ", a.Ignored))
	}
	o, err := d.options()
	switch {
	case err != nil:
		complainAs(stderr, "dhclient", err)
		return exitRuntime
	case len(o.links) == 0 && !a.Persist:
		fmt.Fprintln(stderr, "dhclient: no interface to configure")
		return exitDone
	case len(o.links) == 0:
		<-signals.ctx.Done() // -w: dhclient waits for what never comes, too
		return exitDone
	}
	return launch(o, signals, stdout, stderr)
}

// options are what it does, in our own terms.
func (d *dhclient) options() (*options, error) {
	a := d.args
	o := newOptions()
	o.as, o.voice, o.exit = "dhclient", dhclientVoice, dhclientExit
	o.aloud = new(atomic.Bool)
	o.aloud.Store(a.Verbose)
	o.leaseDir = filepath.Dir(a.LeaseFile.Name)
	o.waitAny, o.outfit, o.scriptsOf = true, d.outfit, d.scriptsOf
	if !a.NoPid && a.Action == dhclientargs.Run {
		o.pidFile = a.PidFile.Name
	}
	if o.serverOrFail = a.Once; a.Once {
		o.timeout, o.grace = d.patience(), time.Second
	}
	switch {
	case a.Foreground || a.Action != dhclientargs.Run:
	case a.NoWait:
		o.background = atOnce
	case a.Once:
		o.background = afterLease
	default:
		o.background = whenLate
	}
	var err error
	o.links, err = d.links()
	o.client.RelayAddr, o.client.ServerAddr, o.client.ClientPort = a.Relay, a.Server, a.Port
	return o, err
}

// patience is how long -1 waits, whatever it is that it waits for.
func (d *dhclient) patience() (most time.Duration) {
	if d.args.Timeout > 0 {
		return d.args.Timeout
	}
	for _, name := range append([]string{""}, d.args.Interfaces...) {
		most = max(most, d.conf.ForInterface(name).Timeout, time.Second)
	}
	return most
}

// links are the interfaces: those named, or else every one that can broadcast.
func (d *dhclient) links() ([]string, error) {
	names := d.args.Interfaces
	if len(names) > 0 || d.args.NoInterfaces {
		return names, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the interfaces: %w", err)
	}
	for _, ifi := range all {
		if ifi.Flags&net.FlagBroadcast != 0 && ifi.Flags&net.FlagLoopback == 0 && len(ifi.HardwareAddr) == 6 {
			names = append(names, ifi.Name)
		}
	}
	return names, nil
}

// outfit is what one link has of its own.
func (d *dhclient) outfit(name string, link lease.LinkState, config *client.Config) (*outfit, error) {
	i := d.conf.ForInterface(name)
	facts := isc.Facts{Hardware: link.HardwareAddr}
	facts.Hostname, _ = os.Hostname()
	script := d.scriptsOf(name)
	d.schedule(i, config)
	d.send(i, facts, config)
	// A script makes of the options what dhclient asked for; ours can use more.
	config.RequestOptions, config.RequestOnly = i.Request, len(script.Programs) > 0 || len(i.Request) == 0
	if d.args.Request != nil {
		if err := d.request(config); err != nil {
			return nil, err
		}
	}
	config.RequireOptions, config.RejectServers = i.Require, i.Reject
	config.OptionFilter = i.Modify(facts)
	store, err := d.store(name, link, config)
	if err != nil {
		return nil, err
	}
	config.Fallback = d.fallback(i, link, config)
	script.Requested = config.Requested()
	return &outfit{store: store, hooks: script}, nil
}

// scriptsOf is the script of a link, looked for once.
func (d *dhclient) scriptsOf(name string) hook.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	script, ok := d.scripts[name]
	if !ok {
		script = d.script(d.conf.ForInterface(name))
		script.Options, script.Env = d.conf.Options, d.args.Env
		if d.scripts == nil {
			d.scripts = map[string]hook.Config{}
		}
		d.scripts[name] = script
	}
	return script
}

// script is what configures the link: that of the configuration, which stands
// before the command line's (dhclient-script(8)), or the usual one if there is
// one. Else we do it.
func (d *dhclient) script(i *isc.Interface) hook.Config {
	path := i.Script
	if path == "" {
		if path = d.args.Script.Name; !d.args.Script.Given {
			path = firstFile(path)
		}
	}
	return scriptOf(path, hook.Dhclient)
}

// usual are dhclient's own intervals, in whose place ours are better.
const usualInitial, usualCutoff = 3 * time.Second, 15 * time.Second

// schedule is when messages are repeated, and when it is given up.
func (d *dhclient) schedule(i *isc.Interface, config *client.Config) {
	s := &config.Schedule
	if i.InitialInterval != usualInitial || i.BackoffCutoff != usualCutoff {
		s.Initial, s.Max = max(i.InitialInterval, time.Second), max(i.BackoffCutoff, time.Second)
	}
	s.Timeout, s.Pause, s.Reboot = max(i.Timeout, time.Second), max(i.Retry, time.Second), max(i.Reboot, time.Second)
	if d.args.Timeout > 0 {
		s.Timeout = d.args.Timeout
	}
	config.SelectTimeout = min(i.SelectTimeout, time.Minute)
	if i.InitialDelay > 0 {
		config.StartDelay = rand.N(i.InitialDelay)
	}
	config.Broadcast = i.Broadcast || d.args.Broadcast
}

// send is who the client says that it is, and what else it says. dhclient sends
// no client identifier unless it is told one.
func (d *dhclient) send(i *isc.Interface, facts isc.Facts, config *client.Config) {
	a := d.args
	options := i.SendOptions(facts)
	if options == nil {
		options = map[uint8][]byte{}
	}
	set := func(code uint8, text string) {
		if text != "" {
			options[code] = []byte(text)
		}
	}
	set(12, a.Hostname)
	set(60, a.VendorClass)
	if a.FQDN != "" {
		options[81] = append([]byte{1, 0, 0}, a.FQDN...) // RFC 4702 2: S, ASCII
	}
	config.ClientID = []byte{}
	if id, ok := options[61]; ok {
		config.ClientID = id
		delete(options, 61)
	}
	if a.ClientID != "" {
		config.ClientID = clientID(a.ClientID)
	}
	config.SendOptions, config.RequestIP = options, i.RequestIP(facts)
}

// clientID reads octets like 01:02:0a, or takes a text as it is, as Red Hat's
// dhclient does.
func clientID(text string) []byte {
	if v, err := (option.Row{Kind: option.Octets}).Parse(text); err == nil {
		return v
	}
	return append([]byte{0}, text...)
}

// request takes the options that the command line asks for.
func (d *dhclient) request(config *client.Config) error {
	config.RequestOptions, config.RequestOnly = nil, true
	for _, name := range d.args.Request {
		r, ok := d.conf.Options.ByName(name)
		if !ok {
			return fmt.Errorf("--request-options: there is no option %q", name)
		}
		config.RequestOptions = append(config.RequestOptions, r.Code)
	}
	return nil
}

// store is the lease file, which has the identifier of -i as well.
func (d *dhclient) store(name string, link lease.LinkState, config *client.Config) (client.LeaseStore, error) {
	store, err := isc.NewStore(isc.StoreConfig{
		Path: d.args.LeaseFile.Name, Interface: name, Options: d.conf.Options, Logger: d.log,
		Decode: client.LeaseFromOptions,
		Adopt:  func(l *lease.Lease) { l.HardwareAddr, l.ClientID = link.HardwareAddr, config.ClientID },
	})
	if err != nil || d.args.DUID == dhclientargs.NoDUID || len(config.ClientID) > 0 {
		return store, err
	}
	duid, err := store.DUID(nil)
	if err == nil && duid == nil && d.args.DUIDFile != "" {
		duid, err = isc.ReadDUID(d.args.DUIDFile)
	}
	if err == nil && duid == nil {
		fresh := isc.NewDUIDLLT(link.HardwareAddr, time.Now())
		if d.args.DUID == dhclientargs.DUIDLL {
			fresh = isc.NewDUIDLL(link.HardwareAddr)
		}
		duid, err = store.DUID(fresh)
	}
	if err != nil {
		return nil, err
	}
	config.ClientID = isc.ClientID(duid, link.HardwareAddr)
	return store, nil
}

// fallback is the first lease of the configuration that holds now; nil for none.
func (d *dhclient) fallback(i *isc.Interface, link lease.LinkState, config *client.Config) *lease.Lease {
	for _, b := range i.Fallbacks {
		l, err := b.Lease(time.Now(), client.LeaseFromOptions)
		if err != nil {
			d.warn(fmt.Sprintf("a lease of the configuration cannot be used: %v", err))
			continue
		}
		if !l.Expired(lease.Now()) {
			l.HardwareAddr, l.ClientID = link.HardwareAddr, config.ClientID
			return l
		}
	}
	return nil
}

const (
	// endLimit is how long a process may take to end.
	endLimit = 10 * time.Second
	// endStep is how often it is looked for meanwhile.
	endStep = 20 * time.Millisecond
)

// end is -r and -x: the process that keeps the lease is told to end, with -r to
// give the lease back. What it has not done, as one that was killed, is done from
// the lease file.
func (d *dhclient) end(signals *signals, _, stderr io.Writer) error {
	o, err := d.options()
	if err != nil {
		return err
	}
	if err := d.stopOther(signals.ctx); err != nil {
		return err
	}
	// The link is not used: what the lease file has is taken back at once.
	o.noPreinit, o.waitAny = true, false
	o.client.OnExit = client.Remove
	if d.args.Action == dhclientargs.Release {
		o.client.OnExit = client.ReleaseFound
	}
	o.client.StartDelay = time.Hour
	log := newOutput(stderr)
	defer func() { _ = log.close(outputGrace) }()
	f, err := newFleet(signals.ctx, o, log, newLogger(o, log))
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.startHelper(); err != nil {
		return err
	}
	if err := f.openAll(); err != nil {
		return err
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	errs := []error{f.run(ended, func() {})}
	for _, b := range f.berths {
		errs = append(errs, b.err) // one that could not be opened, or did not end well
	}
	return errors.Join(errs...)
}

// stopOther ends the process of the pid file, if there is one. An address that it
// has verified it gives back itself: it knows best.
func (d *dhclient) stopOther(ctx context.Context) error {
	if d.args.NoPid {
		return nil
	}
	pid, err := daemon.RunningPid(d.args.PidFile.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, daemon.ErrNotRunning):
		return nil
	case err != nil:
		return err
	}
	if d.args.Action == dhclientargs.Release {
		if err := syscall.Kill(pid, syscall.SIGUSR2); err != nil {
			return fmt.Errorf("tell process %d to release: %w", pid, err)
		}
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end process %d: %w", pid, err)
	}
	for limit := time.Now().Add(endLimit); daemon.IsClient(pid); {
		if time.Now().After(limit) || ctx.Err() != nil {
			return fmt.Errorf("process %d does not end", pid)
		}
		time.Sleep(endStep)
	}
	_ = os.Remove(d.args.PidFile.Name)
	return nil
}
