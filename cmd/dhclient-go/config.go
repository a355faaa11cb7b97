package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

const (
	defaultLeaseDir = "/var/lib/dhclient-go"
	// onceTimeout is the limit where a lease is waited for, unless --timeout
	// says another.
	onceTimeout = 60 * time.Second
	// forever is a limit that is none.
	forever = time.Duration(-1)
)

// options are what the command line says.
type options struct {
	help, version bool

	// links are the interfaces, as they are named; until they are mustered,
	// selectors stand in the places of those that they mean.
	links     []string
	selectors []*selector
	oneshot   bool
	dryRun    bool
	// agent is what the process of an agent is told; nil for none.
	agent *agentOptions
	// charge is the program of init; nil for none.
	charge *charge
	// timeout is how long a lease is waited for; forever for no limit.
	timeout    time.Duration
	timeoutSet bool
	// waitAny says that one of several links is enough, and waitFirst that the
	// first with a lease is the only one to be served then.
	waitAny, waitFirst bool
	// waitLink is how long a link is waited for that does not exist: 0 for
	// not at all, or forever.
	waitLink time.Duration
	exitSet  bool
	// serverOrFail says that it is a failure if the client's schedule gives up
	// before the first lease.
	serverOrFail bool
	// grace is how much longer than timeout is waited where a link can be sent on:
	// the schedule has the first word, and then a lease of the configuration is
	// probed.
	grace time.Duration

	// netns is where the links are; nil is here.
	netns *netns

	// all is for commands: each of several links. order is the column that a table
	// is sorted by; empty for none.
	all   bool
	order string

	verbosity int
	quiet     bool
	json      bool
	logJSON   bool
	// trace draws a ladder in the place of the log, and pcap is the file for
	// frames; empty for none.
	trace bool
	pcap  string

	background background
	pidFile    string
	// syslog has what is said go to the system log too, from the start.
	syslog bool

	// as is what the program is called; voice is how it speaks then, aloud or
	// in warnings only. exit gives errors their exit code, and outfit is what a
	// link has of its own; nil is as under our own name.
	as     string
	voice  *voice
	aloud  *atomic.Bool
	exit   func(error) int
	outfit func(name string, link lease.LinkState, config *client.Config) (*outfit, error)
	// scriptsOf are the programs of a link, as outfit has them but for what
	// depends on the link; nil is as under our own name.
	scriptsOf func(link string) hook.Config
	// noSandbox has all done in this process, which keeps its rights.
	noSandbox bool
	// noPreinit says that the link is not to be used.
	noPreinit bool
	// hooks are the programs of --script; scriptSet says that it was said how
	// they are run.
	hooks     hook.Config
	scriptSet bool

	// metricsFile is where metrics are kept; empty for nowhere.
	metricsFile string
	leaseDir    string
	evidence    evidence
	controlDir  string
	noDNS       bool
	resolvConf  string
	// nameHost gives the host the name of the lease; nil leaves it alone.
	nameHost *netcfg.HostnameConfig
	// probe is the length of the conflict probe, as arpcheck has it.
	probe time.Duration

	// fallbackAfter is how long servers have before a fallback is used; 0 is as
	// it was not said.
	fallbackAfter time.Duration

	// client and netcfg are the parts that the link does not change.
	client client.Config
	netcfg netcfg.Config
}

func newOptions() *options {
	return &options{timeout: forever, leaseDir: defaultLeaseDir, evidence: places, controlDir: defaultControlDir, probe: arpcheck.DefaultDuration,
		as: "dhclient-go"}
}

// once says that the command ends when there is a lease.
func (o *options) once() bool { return o.oneshot || o.dryRun }

// check looks for what the flags cannot mean together.
func (o *options) check() error {
	switch {
	case len(o.links) == 0:
		return badUsage("no interface named (--help lists the flags)")
	case o.client.FQDN != "" && o.client.Hostname != "":
		return &usageError{"--fqdn", "takes the place of --hostname (RFC 4702 3.1)"}
	case o.quiet && o.verbosity > 0:
		return &usageError{"--quiet", "contradicts --verbose"}
	case o.once() && o.exitSet && o.client.OnExit != client.Keep:
		return &usageError{"--on-exit", "with --oneshot and --dry-run there is nothing to take back at the end"}
	case o.trace && o.logJSON:
		return &usageError{"--log-format", "contradicts --trace, which takes the place of the log"}
	case o.pcap == toStdout && (o.json || o.dryRun):
		return &usageError{"--pcap", "standard output is that of --json and --dry-run: name a file"}
	case o.trace && o.background != inForeground:
		return &usageError{"--trace", "contradicts --background: there is nobody to follow it"}
	case o.pcap == toStdout && o.background != inForeground:
		return &usageError{"--pcap", "there is no standard output in the background: name a file"}
	case o.once() && o.background != inForeground:
		return &usageError{"--background", "contradicts --oneshot and --dry-run"}
	case o.dryRun && o.client.Takeover:
		return &usageError{"--takeover", "contradicts --dry-run, which is to change nothing"}
	case o.dryRun && o.nameHost != nil:
		return &usageError{"--set-hostname", "contradicts --dry-run"}
	case o.once() && o.metricsFile != "":
		return &usageError{"--metrics-file", "contradicts --oneshot and --dry-run, which have ended before anybody reads it"}
	case o.noDNS && o.resolvConf != "":
		return &usageError{"--resolv-conf", "contradicts --no-dns"}
	}
	if _, err := o.client.Options(); err != nil {
		return badOptions(err)
	}
	if (o.once() || o.background == afterLease) && !o.timeoutSet {
		o.timeout = onceTimeout
	}
	if err := o.checkPolicy(); err != nil {
		return err
	}
	if err := o.scheduleFallback(); err != nil {
		return err
	}
	return o.checkScripts()
}

func (o *options) addArgument(name string) error {
	if findCommand(name) != nil {
		return badUsage("%q is a command and stands first; for an interface of that name: -i %s", name, name)
	}
	if _, err := duration(name); err == nil && o.waitLink == forever {
		return &usageError{"--wait-link", fmt.Sprintf("takes its value with an equals sign: --wait-link=%s", name)}
	}
	if err := addLink(o, name); err != nil {
		return &usageError{problem: err.Error()}
	}
	return nil
}

// addInterface refuses what the kernel would not take for a name either.
func addInterface(o *options, name string) error {
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' || r == ':' }
	switch {
	case name == "":
		return errors.New("the name of an interface is empty")
	case len(name) > 15 || name == "." || name == ".." || strings.ContainsFunc(name, bad):
		return fmt.Errorf("%q cannot be the name of an interface", name)
	case slices.Contains(o.links, name):
		return fmt.Errorf("interface %s is named twice", name)
	}
	o.links = append(o.links, name)
	return nil
}

func setTimeout(o *options, s string) (err error) {
	o.timeout, err = duration(s)
	o.timeoutSet = true
	if o.timeout == 0 {
		o.timeout = forever
	}
	return err
}

func setWait(o *options, s string) error {
	word, err := choose(s, choice[string]{"any", "any"}, choice[string]{"all", "all"}, choice[string]{"first", "first"})
	o.waitAny, o.waitFirst = word != "all", word == "first"
	return err
}

func setWaitLink(o *options, s string) (err error) {
	if s == optionalUnset {
		o.waitLink = forever
		return nil
	}
	o.waitLink, err = positive(s)
	return err
}

func setOnExit(o *options, s string) (err error) {
	o.exitSet = true
	o.client.OnExit, err = choose(s, choice[client.OnExit]{"keep", client.Keep},
		choice[client.OnExit]{"remove", client.Remove}, choice[client.OnExit]{"release", client.Release})
	return err
}

func setStartDelay(o *options, s string) (err error) {
	o.client.StartDelay, err = duration(s)
	return err
}

func setHostname(o *options, s string) error {
	if len(s) > 63 || !lease.ValidName(s) {
		return fmt.Errorf("%q is not a host name of 63 octets at most", s)
	}
	o.client.Hostname = s
	return nil
}

var hexOctets = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+$`)

// setClientID reads a client identifier (option 61). A text gets type 0 before
// it, which says that it is no hardware address (RFC 2132 9.14).
func setClientID(o *options, s string) (err error) {
	o.client.MachineID = client.MachineID{}
	switch {
	case s == "mac":
		o.client.ClientID = nil
	case s == "none":
		o.client.ClientID = []byte{}
	case hexOctets.MatchString(s):
		o.client.ClientID, err = hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	case s == "":
		return errors.New("is empty: none sends no client id")
	case s == "duid":
		return setMachineID(o)
	default:
		o.client.ClientID = append([]byte{0}, s...)
	}
	if len(o.client.ClientID) > 255 {
		return fmt.Errorf("has %d octets, more than the 255 that an option can hold", len(o.client.ClientID))
	}
	return err
}

func setVendorClass(o *options, s string) error {
	if s == "" || len(s) > 255 {
		return fmt.Errorf("has %d octets, not 1 to 255", len(s))
	}
	o.client.VendorClass = s
	return nil
}

func setRequestIP(o *options, s string) error {
	a, err := netip.ParseAddr(s)
	if err != nil || !lease.UsableAddr(a) {
		return fmt.Errorf("%q is not an IPv4 address that a host can have", s)
	}
	o.client.RequestIP = a
	return nil
}

func addRequestOption(o *options, s string) error {
	for _, word := range strings.Split(s, ",") {
		code, err := optionCode(word)
		if err != nil {
			return err
		}
		if !slices.Contains(o.client.RequestOptions, code) {
			o.client.RequestOptions = append(o.client.RequestOptions, code)
		}
	}
	return nil
}

func setRetransmit(o *options, s string) (err error) {
	o.client.Retransmit, err = choose(s, choice[client.Retransmit]{"fast", client.Fast},
		choice[client.Retransmit]{"rfc2131", client.RFC2131})
	return err
}

// maxProbe is the longest conflict probe: longer ones only lose the offer.
const maxProbe = 30 * time.Second

func setACD(o *options, s string) error {
	o.client.ACD, o.probe = client.ProbeFirst, arpcheck.DefaultDuration
	switch s {
	case "off":
		o.client.ACD = client.NoProbe
	case "optimistic":
		o.client.ACD = client.Optimistic
	case "rfc5227":
		o.probe = arpcheck.RFC5227
	default:
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is neither off, optimistic, rfc5227 nor a duration like 200ms", s)
		}
		if d > maxProbe {
			return fmt.Errorf("%q is longer than the %s that a probe may take", s, span(maxProbe))
		}
		o.probe = d
	}
	return nil
}

func setMetric(o *options, s string) error {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a number from 1 to 2147483647", s)
	}
	o.netcfg.Metric = int(n)
	return nil
}

func setRoutes(o *options, s string) (err error) {
	o.netcfg.Routes, err = choose(s, choice[netcfg.Routes]{"all", netcfg.RoutesAll}, choice[netcfg.Routes]{"subnet", netcfg.RoutesSubnet},
		choice[netcfg.Routes]{"default", netcfg.RoutesDefault}, choice[netcfg.Routes]{"none", netcfg.RoutesNone})
	return err
}

func setResolvConf(o *options, s string) error {
	o.resolvConf = s
	return notEmpty(s)
}

func setSetHostname(o *options, s string) (err error) {
	o.nameHost = &netcfg.HostnameConfig{}
	if s != optionalUnset {
		o.nameHost.Always, err = choose(s, choice[bool]{"unnamed", false}, choice[bool]{"always", true})
	}
	return err
}

func setLeaseDir(o *options, s string) error {
	o.leaseDir = s
	return notEmpty(s)
}

// setControlDir takes the directory of the sockets; empty for no socket.
func setControlDir(o *options, s string) error {
	o.controlDir = s
	return nil
}

func setPidFile(o *options, s string) error {
	o.pidFile = s
	return notEmpty(s)
}

func setLogFormat(o *options, s string) (err error) {
	o.logJSON, err = choose(s, choice[bool]{"text", false}, choice[bool]{"json", true})
	return err
}

func notEmpty(path string) error {
	if path == "" {
		return errors.New("the path is empty")
	}
	return nil
}

// duration reads 300ms, 5s, 1m30s, or a plain number of seconds.
func duration(s string) (time.Duration, error) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration like 300ms, 5s, 1m30s or 30 (seconds)", s)
	}
	return d, nil
}

func positive(s string) (time.Duration, error) {
	d, err := duration(s)
	if err == nil && d == 0 {
		err = fmt.Errorf("%q is no time at all", s)
	}
	return d, err
}

// A choice is one of the words that a flag takes.
type choice[T any] struct {
	word  string
	value T
}

func choose[T any](s string, choices ...choice[T]) (none T, err error) {
	words := make([]string, len(choices))
	for i, c := range choices {
		if c.word == s {
			return c.value, nil
		}
		words[i] = c.word
	}
	return none, &wordError{s, words}
}

// A wordError is a value that is none of the words that a flag takes.
type wordError struct {
	given string
	words []string
}

// Error names the value and the words.
func (e *wordError) Error() string {
	last := len(e.words) - 1
	return fmt.Sprintf("%q is not %s or %s", e.given, strings.Join(e.words[:last], ", "), e.words[last])
}
