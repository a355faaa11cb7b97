package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Method is a way to tell the programs of a host its name servers.
type Method uint8

const (
	// MethodAuto takes the first of the others, in their order, that works.
	MethodAuto Method = iota
	// MethodResolved tells systemd-resolved, through resolvectl.
	MethodResolved
	// MethodResolvconf tells resolvconf or openresolv.
	MethodResolvconf
	// MethodFile writes resolv.conf.
	MethodFile
)

var methodNames = [...]string{"auto", "resolved", "resolvconf", "file"}

// String is the name that ParseMethod reads.
func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return fmt.Sprintf("Method(%d)", uint8(m))
}

// ParseMethod reads auto, resolved, resolvconf or file.
func ParseMethod(s string) (Method, error) {
	for i, name := range methodNames {
		if s == name {
			return Method(i), nil
		}
	}
	return MethodAuto, fmt.Errorf("resolver method %q: not one of auto, resolved, resolvconf, file", s)
}

const (
	// DefaultResolvConf is the file that resolv.conf(5) is about.
	DefaultResolvConf = "/etc/resolv.conf"
	// DefaultResolverState is where clients that share a file meet.
	DefaultResolverState = "/run/dhclient-go/resolv"
)

// ResolverConfig says whose name servers go where. Only Interface is needed.
type ResolverConfig struct {
	// Interface is the name of the link that has the leases.
	Interface string
	// Path is the file to write; empty is DefaultResolvConf. A path that is
	// given is written by MethodFile, whatever namespace the link is in.
	Path string
	// StateDir is where clients that share Path meet; empty is
	// DefaultResolverState. It must not outlive a boot.
	StateDir string
	// Metric orders the name servers of several links, lowest first; 0 is
	// 1000 plus the link's index, as for routes. The file and openresolv have
	// that order; systemd-resolved asks the servers of all links, and Debian's
	// resolvconf has an order of its own (interface-order(5)).
	Metric int
	// Method is how it is done.
	Method Method
	// Elsewhere says that the link is in another network namespace than the one
	// the process started in, for a process that does not have the link itself.
	// NewResolver looks at the calling thread's too.
	Elsewhere bool
	// Logger gets what is left out and why; nil logs nothing.
	Logger *slog.Logger
}

// A Resolver gives the name servers and the search list of a lease (options 6,
// 15, 119) to the programs of the host. It has the methods of
// client.Configurator.
type Resolver struct {
	cfg     ResolverConfig
	log     *slog.Logger
	methods []backend // in the order in which they are tried
	active  backend   // the one that has the settings, nil if that is not known
	off     string    // why nothing is done, if so
	told    bool      // that nothing is done
}

// A backend is a method at work.
type backend interface {
	// set makes s the settings of our link.
	set(ctx context.Context, s settings) error
	// unset takes them away again; it is no error if there are none.
	unset(ctx context.Context) error
	name() string
}

// Check says what cannot be in a configuration.
func (cfg *ResolverConfig) Check() error {
	if err := checkInterface(cfg.Interface); err != nil {
		return fmt.Errorf("resolver: %w", err)
	}
	switch {
	case cfg.Method > MethodFile:
		return fmt.Errorf("resolver: unknown method %v", cfg.Method)
	case cfg.Path != "" && cfg.Method != MethodAuto && cfg.Method != MethodFile:
		return fmt.Errorf("resolver: method %v writes no file, but %s is to be written", cfg.Method, cfg.Path)
	}
	return nil
}

// Elsewhere says that the calling OS thread is in another network namespace than
// the one the process started in.
func Elsewhere() bool { return !sameNamespace(statOrNil("/proc/thread-self/ns/net"), startedIn) }

// NewResolver returns a Resolver for a link in the network namespace of the
// calling OS thread. It does nothing, and says so in the log, for a link whose
// namespace is not the one the process started in, unless Path is given.
func NewResolver(cfg ResolverConfig) (*Resolver, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Metric == 0 {
		cfg.Metric = 1000
		if link, err := net.InterfaceByName(cfg.Interface); err == nil {
			cfg.Metric += link.Index
		}
	}
	given := cfg.Path != ""
	if !given {
		cfg.Path = DefaultResolvConf
	}
	if cfg.StateDir == "" {
		cfg.StateDir = DefaultResolverState
	}
	r := &Resolver{cfg: cfg, log: cfg.Logger.With("link", cfg.Interface)}
	file := &fileBackend{path: cfg.Path, stateDir: cfg.StateDir, link: cfg.Interface, metric: cfg.Metric, log: r.log}
	if given {
		r.methods = []backend{file}
	} else {
		r.methods = r.choose(file)
	}
	return r, nil
}

// choose lists the methods that are asked for and that serve this namespace.
func (r *Resolver) choose(file backend) []backend {
	here := statOrNil("/proc/thread-self/ns/net")
	if r.cfg.Elsewhere || Elsewhere() {
		r.off = "the link is in another network namespace than the process"
		return nil
	}
	served := sameNamespace(here, statOrNil("/proc/1/ns/net"))
	want := func(m Method) bool { return r.cfg.Method == m || r.cfg.Method == MethodAuto }
	var out []backend
	if want(MethodResolved) && served {
		out = append(out, resolved{link: r.cfg.Interface})
	}
	if want(MethodResolvconf) && served {
		out = append(out, resolvconf{link: r.cfg.Interface, metric: r.cfg.Metric, log: r.log})
	}
	if want(MethodFile) && (served || !sameFile(r.cfg.Path, "/proc/1/root"+r.cfg.Path)) {
		out = append(out, file)
	}
	if len(out) == 0 {
		r.off = "the resolver serves another network namespace"
	}
	return out
}

// startedIn is the network namespace that the process started in. It is looked
// at while the program starts, because later no thread is sure to be in it: one
// that was moved can be left so, the first thread too.
var startedIn = statOrNil("/proc/self/ns/net")

func statOrNil(path string) os.FileInfo {
	st, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return st
}

// sameNamespace compares two namespaces. One that we may not look at is taken
// for the same: an unprivileged process is in no other.
func sameNamespace(a, b os.FileInfo) bool { return a == nil || b == nil || os.SameFile(a, b) }

// sameFile says that two paths are one file; not if one of them is hidden.
func sameFile(a, b string) bool {
	x, y := statOrNil(a), statOrNil(b)
	return x != nil && y != nil && os.SameFile(x, y)
}

// checkInterface refuses what could be taken for a path, an option of a program
// or a second line of a file.
func checkInterface(name string) error {
	bad := func(c rune) bool { return c <= ' ' || c == '/' || c >= 0x7f }
	if name == "" || len(name) > maxName || strings.HasPrefix(name, "-") || name == "." || name == ".." || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q cannot be the name of a link", name)
	}
	return nil
}

// Apply gives the name servers of next to the host; nil, and a lease without
// name servers, takes those of an earlier lease back and touches nothing else.
// It fails if no method works. A file that is a link to one of systemd-resolved
// is left alone while that has its directory in /run, for it may yet come up.
func (r *Resolver) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	s := r.settings(next)
	if r.off != "" {
		if !s.empty() && !r.told {
			r.told = true
			r.log.Info("name servers are not used", "why", r.off)
		}
		return nil
	}
	if s.empty() {
		return r.leave(ctx, prev)
	}
	var failed error
	for _, m := range r.methods {
		err := m.set(ctx, s)
		switch {
		case err == nil:
			r.replace(ctx, m)
			return nil
		case errors.Is(err, errNotHere) && r.cfg.Method == MethodAuto:
		default:
			failed = and(failed, fmt.Errorf("name servers of %s by %s: %w", r.cfg.Interface, m.name(), err))
			r.log.Debug("resolver method failed", "method", m.name(), "err", err)
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			break // nobody wants the settings any more
		}
	}
	return failed
}

// replace notes that m has the settings now, and takes them from the method
// that had them: the one before, or the file of an earlier process.
func (r *Resolver) replace(ctx context.Context, m backend) {
	before := r.active
	r.active = m
	for _, other := range r.methods {
		_, isFile := other.(*fileBackend)
		if other == m || other != before && (before != nil || !isFile) {
			continue
		}
		if err := other.unset(ctx); err != nil {
			r.log.Warn("old name servers stay", "method", other.name(), "err", err)
		}
	}
}

// leave takes the settings back. If an earlier process made them, any method
// may have been the one. It goes on where ctx ends, as it does when a client
// stops: to wait for its lock takes openresolv a second or more, and nobody takes
// the settings back later.
func (r *Resolver) leave(ctx context.Context, prev []*lease.Lease) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), programTimeout)
	defer cancel()
	methods := r.methods
	if r.active != nil {
		methods = []backend{r.active}
	} else if !slices.ContainsFunc(prev, func(l *lease.Lease) bool { return l != nil && len(l.DNS) > 0 }) {
		return nil // not settings(l): that a lease has expired is a reason to leave
	}
	var failed error
	for _, m := range methods {
		if err := m.unset(ctx); err != nil && !errors.Is(err, errNotHere) {
			failed = and(failed, fmt.Errorf("remove name servers of %s by %s: %w", r.cfg.Interface, m.name(), err))
		}
	}
	if failed == nil {
		r.active = nil
	}
	return failed
}

// and joins errors in one line, as a log has it.
func and(a, b error) error {
	if a == nil {
		return b
	}
	return fmt.Errorf("%w; %w", a, b)
}
