package fsm

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

var rewrite = flag.Bool("rewrite", false, "rewrite what the transcripts in testdata expect; read the diff")

// TestTranscripts runs testdata/*.txt. A file is read top to bottom:
//
//	# the section that it is about, and why
//	config acd=optimistic retransmit=rfc2131 on-exit=release start-delay=5s request-ip=10.0.0.9 broadcast
//	config schedule=10s,15s,3,60s,5m,10s select-timeout=2s require=42 reject=10.0.0.0/24 allow=10.0.0.0/24 prefer=longest fallback=10.0.0.9 rapid-commit ipv6-only link-local anonymous
//	> start link=down lease=10.0.0.5 age=10m valid=1h router=10.0.0.1 router-mac=a
//	send ...                                          the actions, in order
//	= INIT at 0s, tick in 1s, lease none              what State, Deadline and Lease say then
//
// A line with - is a step like one with >, whose outcome is not shown.
// An event may have times before it, and is a Tick with nothing behind them:
// +4s lets time pass, until-deadline lets it pass up to Deadline. Events are
// start, offer, ack, nak, probed, applied, conflict, reached, linkdown, linkup,
// hwaddr, address-gone, renew, release and stop; what they do not say is what
// the machine would expect. x1, x2 are xids in the order of their first use,
// a, b, c stations. Times are nominal: the source of jitter is still.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(want), "# ") {
				t.Fatal("the first line must be a comment that names the section")
			}
			got, err := play(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, got, string(want))
		})
	}
}

// compare reports the first line where got and want part, with the step it is in.
func compare(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	step := ""
	for i := range max(len(g), len(w)) {
		a, b := at(g, i), at(w, i)
		if strings.HasPrefix(a, ">") {
			step = a
		}
		if a != b {
			t.Fatalf("line %d, after %q:\n got %s\nwant %s", i+1, step, a, b)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// play runs the steps of script and returns it with what they really gave.
func play(script string) (string, error) {
	var out strings.Builder
	p := newPlayer()
	for i, line := range strings.Split(strings.TrimSuffix(script, "\n"), "\n") {
		var err error
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
			fmt.Fprintln(&out, line)
		case "config":
			fmt.Fprintln(&out, line)
			err = p.configure(strings.Fields(rest))
		case ">":
			fmt.Fprintln(&out, line)
			err = p.line(&out, rest)
		case "-":
			fmt.Fprintln(&out, line)
			err = p.line(new(strings.Builder), rest)
		}
		if err != nil {
			return "", fmt.Errorf("line %d: %q: %w", i+1, line, err)
		}
	}
	return out.String(), nil
}

// A player is a machine and what it did so far, by name.
type player struct {
	machine Machine
	cfg     Config
	start   time.Time
	now     time.Time
	steps   int
	xids    []uint32   // x1 is the first
	xid     uint32     // of the last DISCOVER or REQUEST
	probe   netip.Addr // of the last Probe
	defend  netip.Addr // of the last Announce
	router  netip.Addr // of the last CheckRouter
}

func newPlayer() *player {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := &player{start: start, now: start, cfg: Config{HardwareAddr: station("a"), ClientID: []byte{1, 2}}}
	p.machine = New(p.cfg, [2]uint64{1, 2})
	return p
}

func (p *player) configure(words []string) error {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "acd":
			p.cfg.ACD, err = pick(value, map[string]ACD{"first": ProbeFirst, "optimistic": Optimistic, "off": NoProbe})
		case "on-exit":
			p.cfg.OnExit, err = pick(value, map[string]OnExit{"keep": Keep, "remove": Remove, "release": GiveBack, "release-found": GiveBackFound})
		case "retransmit":
			p.cfg.Retransmit, err = pick(value, map[string]Retransmit{"fast": Fast, "rfc2131": RFC2131})
		case "start-delay":
			p.cfg.StartDelay, err = time.ParseDuration(value)
		case "request-ip":
			p.cfg.RequestIP, err = netip.ParseAddr(value)
		case "schedule":
			p.cfg.Schedule, err = parseSchedule(value)
		case "select-timeout":
			p.cfg.SelectTimeout, err = time.ParseDuration(value)
		case "require":
			var code int
			code, err = strconv.Atoi(value)
			p.cfg.RequireOptions = []uint8{uint8(code)}
		case "reject":
			var prefix netip.Prefix
			prefix, err = netip.ParsePrefix(value)
			p.cfg.RejectServers = []netip.Prefix{prefix}
		case "allow":
			var prefix netip.Prefix
			prefix, err = netip.ParsePrefix(value)
			p.cfg.AllowServers = []netip.Prefix{prefix}
		case "prefer":
			p.cfg.Prefer, err = pick(value, map[string]Prefer{"address": PreferAddress, "server": PreferServer, "longest": PreferLongest})
		case "fallback":
			p.cfg.Fallback = &lease.Lease{Valid: lease.Infinite, Bits: 24, Start: p.start}
			p.cfg.Fallback.Address, err = netip.ParseAddr(value)
		case "broadcast":
			p.cfg.Broadcast = true
		case "rapid-commit":
			p.cfg.RapidCommit = true
		case "ipv6-only":
			p.cfg.V6Only = true
		case "link-local":
			p.cfg.LinkLocal = true
		case "anonymous":
			p.cfg.Anonymous = true
		default:
			err = errors.New("no such setting")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	p.machine = New(p.cfg, [2]uint64{1, 2})
	return nil
}

// parseSchedule reads initial,max,attempts,timeout,pause,reboot, with - for what
// is not set.
func parseSchedule(text string) (s Schedule, err error) {
	fields := strings.Split(text, ",")
	times := []*time.Duration{&s.Initial, &s.Max, nil, &s.Timeout, &s.Pause, &s.Reboot}
	for i, field := range fields {
		switch {
		case i >= len(times):
			return s, errors.New("too many fields")
		case field == "-":
		case times[i] == nil:
			s.Attempts, err = strconv.Atoi(field)
		default:
			*times[i], err = time.ParseDuration(field)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func pick[T any](name string, values map[string]T) (T, error) {
	v, ok := values[name]
	if !ok {
		return v, errors.New("no such value")
	}
	return v, nil
}

// line lets time pass and gives the machine the event of one line.
func (p *player) line(out *strings.Builder, line string) error {
	words := strings.Fields(line)
	for len(words) > 0 {
		switch word := words[0]; {
		case word == "until-deadline":
			if p.machine.Deadline().IsZero() {
				return errors.New("there is no deadline")
			}
			p.now = p.machine.Deadline()
		case strings.HasPrefix(word, "+"):
			d, err := time.ParseDuration(word)
			if err != nil {
				return err
			}
			p.now = p.now.Add(d)
		default:
			return p.event(out, word, words[1:])
		}
		words = words[1:]
	}
	return p.event(out, "tick", nil)
}

func (p *player) event(out *strings.Builder, name string, args []string) error {
	a, err := parseArgs(args)
	if err != nil {
		return err
	}
	ev := p.parse(name, a)
	if ev == nil {
		return errors.New("no such event")
	}
	if a.err != nil {
		return a.err
	}
	if len(a.values) > 0 {
		return fmt.Errorf("%s does not take %v", name, a.values)
	}
	quiet(&p.machine, p.steps)
	p.steps++
	for _, action := range p.machine.Step(p.now, ev) {
		fmt.Fprintln(out, p.show(action))
	}
	fmt.Fprintln(out, p.result())
	return nil
}

// result is what the machine says of itself after a step.
func (p *player) result() string {
	tick := "no tick"
	if d := p.machine.Deadline(); !d.IsZero() {
		tick = "tick in " + length(d.Sub(p.now))
	}
	held := "none"
	if l := p.machine.Lease(); l != nil {
		held = l.Address.String()
	}
	return fmt.Sprintf("= %v at %s, %s, lease %s", p.machine.State(), length(p.now.Sub(p.start)), tick, held)
}

// args are the words behind an event: the first may be bare.
type args struct {
	values map[string]string
	err    error
}

func parseArgs(words []string) (*args, error) {
	a := &args{values: map[string]string{}}
	for i, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok && i == 0 {
			key, value = "", word
		} else if !ok {
			return nil, fmt.Errorf("%s: not key=value", word)
		}
		a.values[key] = value
	}
	return a, nil
}

// get takes the value of key, parsed; missing if there is none.
func get[T any](a *args, key string, missing T, parse func(string) (T, error)) T {
	s, ok := a.values[key]
	if !ok {
		return missing
	}
	delete(a.values, key)
	v, err := parse(s)
	if err != nil {
		a.err = fmt.Errorf("%s: %w", key, err)
	}
	return v
}

func (a *args) text(key, missing string) string {
	return get(a, key, missing, func(s string) (string, error) { return s, nil })
}

func (a *args) addr(key string, missing netip.Addr) netip.Addr {
	return get(a, key, missing, netip.ParseAddr)
}

func (a *args) duration(key string) time.Duration {
	return get(a, key, 0, func(s string) (time.Duration, error) {
		if s == "infinite" {
			return lease.Infinite, nil
		}
		return time.ParseDuration(s)
	})
}

func (a *args) number(key string, missing int) int { return get(a, key, missing, strconv.Atoi) }

func (a *args) station(key string) lease.HardwareAddr {
	return get(a, key, lease.HardwareAddr{}, func(s string) (lease.HardwareAddr, error) { return station(s), nil })
}

func (a *args) failure() error {
	if s := a.text("error", ""); s != "" {
		return errors.New(s)
	}
	return nil
}

// station is the hardware address of a, b, c; it has the letter's code in it.
func station(name string) lease.HardwareAddr {
	return lease.HardwareAddr{2, 0, 0, 0, 0, name[0]}
}
