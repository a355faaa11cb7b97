package rawudp

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// holds opens a holder that answers each wish as it says.
func (r *rig) holds(t *testing.T, answer func(*Conn, *Ask)) *Conn {
	t.Helper()
	asks := make(chan *Ask, 100)
	c := r.openAs(t, Config{Link: r.link(t), Asked: func(a *Ask) { asks <- a }}, func([]byte, netip.Addr) {})
	done := make(chan bool)
	go func() {
		defer close(done)
		for a := range asks {
			if a.IsQuestion() {
				a.Allow()
				continue
			}
			answer(c, a)
		}
	}()
	t.Cleanup(func() {
		_ = c.Close() // after it nobody is asked
		close(asks)
		<-done
	})
	return c
}

// gives hands the link over as a client does.
func gives(what string) func(*Conn, *Ask) {
	return func(c *Conn, a *Ask) {
		_ = a.Give([]byte(what))
		_ = c.Close()
		a.Close()
	}
}

// takes opens a Conn that wants the link.
func (r *rig) takes(t *testing.T, link lease.LinkState) (c *Conn, err error) {
	t.Helper()
	r.near.Do(t, func() { c, err = Open(Config{Link: link, Takeover: true}, func([]byte, netip.Addr) {}) })
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// Who needs several links learns whether it would get one, and nothing has changed:
// from who has it, or where nobody has.
func TestMayTakeOver(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	may := func() (err error) {
		r.near.Do(t, func() { err = MayTakeOver(link, 0) })
		return err
	}
	mustBe(t, "a free link", may(), nil)
	taken := false
	holder := r.holds(t, func(c *Conn, a *Ask) { taken = true; gives("")(c, a) })
	mustBe(t, "a link with a holder", may(), nil)
	if _, err := r.takes(t, link); err != nil || !taken {
		t.Errorf("taken over: %v, %v", taken, err)
	}
	mustBe(t, "its end", holder.Close(), nil)
	// The Conn that has it now hands over to nobody.
	var held *HeldError
	if err := may(); !errors.As(err, &held) || held.PID != os.Getpid() || !strings.Contains(held.Why, "to nobody") {
		t.Errorf("%v", err)
	}
	for says, want := range map[string]string{
		"refused not now\n": "keeps the link: not now", "yours 0\n": `its answer "yours 0?" has no meaning`, "": "hands the link over to nobody",
	} {
		other := newRig(t)
		link := other.link(t)
		release := fakeHolder(t, other, link.Index, says, false)
		other.near.Do(t, func() {
			if err := MayTakeOver(link, 0); !errors.As(err, &held) || !strings.Contains(held.Why, want) {
				t.Errorf("%q: %v", says, err)
			}
		})
		release()
	}
}

// A newcomer gets what the holder gives and the claim: who comes after it is told
// that it has it.
func TestTakeover_GetsLeaseAndClaim(t *testing.T) {
	before := freeTime
	freeTime = time.Hour // the end of the holder is heard of, not waited out
	defer func() { freeTime = before }()
	for _, what := range []string{"", "a lease", strings.Repeat("x", lease.MaxEncoded)} {
		r := newRig(t)
		r.holds(t, gives(what))
		c, err := r.takes(t, r.link(t))
		mustBe(t, "take over", err, nil)
		got := c.Inherited()
		if got == nil || got.PID != os.Getpid() || got.Name == "" || string(got.Document) != what {
			t.Errorf("inherited %.60v, want %d octets", got, len(what))
		}
		if err := try(t, r.near, r.link(t)); !errors.As(err, new(*HeldError)) {
			t.Errorf("a third client: %v, want it refused", err)
		}
	}
}

func TestTakeover_FreeLink(t *testing.T) {
	r := newRig(t)
	c, err := r.takes(t, r.link(t))
	mustBe(t, "take over", err, nil)
	if c.Inherited() != nil {
		t.Errorf("inherited %v from nobody", c.Inherited())
	}
	if err := try(t, r.near, r.link(t)); !errors.As(err, new(*HeldError)) {
		t.Errorf("a second client: %v, want it refused", err)
	}
}

// One who refuses says why, and serves on; so does one that hands over to nobody,
// as all did once.
func TestTakeover_Refused(t *testing.T) {
	for name, c := range map[string]struct {
		asked func(*Ask)
		want  string
	}{
		"with a reason": {func(a *Ask) { a.Refuse("it is busy\n\x1b[2J") }, "keeps the link: it is busy??[2J"},
		"at once":       {nil, "hands the link over to nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.openAs(t, Config{Link: r.link(t), Asked: c.asked}, func([]byte, netip.Addr) {})
			for range 2 {
				_, err := r.takes(t, r.link(t))
				var held *HeldError
				if !errors.As(err, &held) || held.PID != os.Getpid() || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
			}
		})
	}
}

// Who slips in between has the link, and the newcomer is told.
func TestTakeover_ThirdIsFaster(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	thirds := make(chan *Conn, 1)
	r.holds(t, func(c *Conn, a *Ask) {
		_ = a.Give(nil)
		_ = c.Close()
		thirds <- r.openWith(t, link, func([]byte, netip.Addr) {})
		a.Close()
	})
	if _, err := r.takes(t, link); !errors.As(err, new(*HeldError)) {
		t.Errorf("%v, want it held", err)
	}
	mustBe(t, "close", (<-thirds).Close(), nil)
}

// The newcomer has all it needs before it asks: a holder is not ended in vain.
func TestTakeover_AsksLast(t *testing.T) {
	r := newRig(t)
	var asked atomic.Bool
	r.holds(t, func(_ *Conn, a *Ask) { asked.Store(true); a.Refuse("") })
	link := r.link(t)
	r.near.Do(t, func() {
		without(t, func() {
			_, err := Open(Config{Link: link, Takeover: true}, func([]byte, netip.Addr) {})
			if err == nil || errors.As(err, new(*HeldError)) {
				t.Errorf("without CAP_NET_RAW: %v", err)
			}
		}, unix.CAP_NET_RAW)
	})
	if asked.Load() {
		t.Error("asked, although it could not have served")
	}
}

// dial connects to the claim, as the user that the thread is.
func dial(t *testing.T, index int) *os.File {
	t.Helper()
	conn, _, err := callHolder(index)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// asStranger runs f in our namespace, on a thread that is of another user
// (credentials are a thread's own: setresuid(2), "C library/kernel differences").
func (r *rig) asStranger(t *testing.T, f func()) {
	t.Helper()
	r.near.Do(t, func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		become := func(uid int) {
			if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); e != 0 {
				t.Fatal(e)
			}
		}
		become(1)
		defer become(0)
		f()
	})
}

// hears is the answer on a connection until its end.
func hears(conn *os.File) string {
	b, _ := io.ReadAll(conn) // that it was cut off is an answer too
	return string(b)
}

// rawSocket is a socket of the namespace of the thread.
func rawSocket(t *testing.T, domain, kind int) int {
	t.Helper()
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// prioritize gives our end of a connection a priority, with the capabilities that
// a stranger of asStranger does not have.
func prioritize(t *testing.T, conn *os.File, priority int) {
	t.Helper()
	euid := os.Geteuid()
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 0, ^uintptr(0)); e != 0 {
		t.Fatal(e)
	}
	defer unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(euid), ^uintptr(0))
	mustBe(t, "set SO_PRIORITY", onDescriptor(conn, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, priority)
	}), nil)
}

// Anybody may connect: what they say ends nobody, and costs a second at most. A
// priority that needs a capability, on the very connection, is what another user
// needs.
func TestAsk_HostilePeers(t *testing.T) {
	r := newRig(t)
	var asked atomic.Int32
	c := r.holds(t, func(_ *Conn, a *Ask) { asked.Add(1); a.Refuse("counted") })
	link := r.link(t)
	var packet, other int
	r.near.Do(t, func() {
		packet = rawSocket(t, unix.AF_PACKET, unix.SOCK_DGRAM)
		mustBe(t, "set SO_PRIORITY", unix.SetsockoptInt(packet, unix.SOL_SOCKET, unix.SO_PRIORITY, askPriority), nil)
		stolen := dial(t, link.Index)
		prioritize(t, stolen, askPriority)
		mustBe(t, "descriptor", onDescriptor(stolen, func(fd int) (err error) { other, err = unix.Dup(fd); return err }), nil)
		t.Cleanup(func() { unix.Close(other) })
	})
	for name, p := range map[string]struct {
		say            string
		pass, priority int
		stranger       bool
		want           string
	}{
		"nothing":                           {"", none, 0, true, ""},
		"half a wish":                       {"take ov", none, 0, true, ""},
		"something else":                    {"GET / HTTP/1.1\r\n", none, 0, false, ""},
		"without an end":                    {strings.Repeat("a", 100000), none, 0, false, ""},
		"another version":                   {"take over 2\n", none, 0, false, "refused it speaks another version of the handover\n"},
		"of another user":                   {askLine, none, askPriority, true, "refused it hands over to root, "},
		"with a packet socket":              {askLine, packet, askPriority, true, "refused it hands over to root, "},
		"with another connection":           {askLine, other, askPriority, true, "refused it hands over to root, "},
		"with everybody's priority":         {askLine, itself, 6, true, "refused it hands over to root, "},
		"with a holder's proof":             {askLine, itself, givePriority, true, "refused it hands over to root, "},
		"with a proof":                      {askLine, itself, askPriority, true, "refused counted\n"},
		"by its user":                       {askLine, none, 0, false, "refused counted\n"},
		"by its user, with a packet socket": {askLine, packet, 0, false, "refused counted\n"},
		"with a proof, no wish":             {"x\n", itself, askPriority, true, ""},
		"with a proof, two wishes":          {askLine + askLine, itself, askPriority, true, "refused counted\n"},
	} {
		t.Run(name, func(t *testing.T) {
			before, counted := asked.Load(), strings.HasSuffix(p.want, "counted\n")
			talk := func() {
				conn := dial(t, link.Index)
				if p.priority > 0 {
					prioritize(t, conn, p.priority)
				}
				if p.pass != none {
					mustBe(t, "send", sendLine(conn, p.say, p.pass), nil)
				} else {
					_, _ = io.WriteString(conn, p.say) // it may be cut off
				}
				if got := hears(conn); !strings.HasPrefix(got, p.want) || p.want == "" && got != "" {
					t.Errorf("answer %q, want %q", got, p.want)
				}
			}
			if p.stranger {
				r.asStranger(t, talk)
			} else {
				r.near.Do(t, talk)
			}
			if got := asked.Load() - before; (got == 1) != counted {
				t.Errorf("asked %d times", got)
			}
		})
	}
	if err := try(t, r.near, link); !errors.As(err, new(*HeldError)) {
		t.Errorf("after all that the link is not held: %v", err)
	}
	mustBe(t, "close", c.Close(), nil)
}

// Strangers who connect and say nothing, as many as they like, keep nobody from
// taking over who may; and there are few goroutines for them.
func TestAsk_SilentStrangersAreInNobodysWay(t *testing.T) {
	r := newRig(t)
	c := r.holds(t, gives("a lease"))
	link := r.link(t)
	before := runtime.NumGoroutine()
	r.asStranger(t, func() {
		for range 50 {
			dial(t, link.Index)
		}
	})
	wait(t, "that they are talked to", func() bool { c.desk.mu.Lock(); defer c.desk.mu.Unlock(); return len(c.desk.open) > 0 })
	if n := runtime.NumGoroutine() - before; n > 2*maxAsks+2 {
		t.Errorf("%d goroutines for 50 connections", n)
	}
	next, err := r.takes(t, link)
	mustBe(t, "take over", err, nil)
	if got := next.Inherited(); got == nil || string(got.Document) != "a lease" {
		t.Errorf("inherited %v", got)
	}
}

// A holder may be anybody who has the name: the newcomer takes nothing for an
// answer that is none, waits for no longer than it must, and believes no stranger.
func TestTakeover_HostileHolders(t *testing.T) {
	before := answerTime
	answerTime = 300 * time.Millisecond
	defer func() { answerTime = before }()
	for name, h := range map[string]struct {
		says string
		open bool // the connection stays
		want string
	}{
		"silent":             {"", true, "has not answered within"},
		"hangs up":           {"", false, "hands the link over to nobody"},
		"half an answer":     {"yours 1", true, "has not answered within"},
		"no length":          {"yours \n", false, "has no meaning"},
		"negative":           {"yours -1\n", false, "has no meaning"},
		"too long":           {"yours 262145\n", false, "has no meaning"},
		"much too long":      {"yours 99999999999999999999\n", false, "has no meaning"},
		"more than it says":  {"yours 1\nabc", false, "has no meaning"},
		"less than it says":  {"yours 5\nabc", false, "did not come whole"},
		"no end of the line": {strings.Repeat("y", 100000), true, "too long"},
		"something else":     {"HTTP/1.1 200 OK\n", false, "has no meaning"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			link := r.link(t)
			release := fakeHolder(t, r, link.Index, h.says, h.open)
			defer release()
			_, err := r.takes(t, link)
			var held *HeldError
			if !errors.As(err, &held) || !strings.Contains(held.Why, h.want) {
				t.Errorf("%v, want %q", err, h.want)
			}
		})
	}
}

// fakeHolder has the name, and answers who connects and asks.
func fakeHolder(t *testing.T, r *rig, index int, says string, open bool) (release func()) {
	t.Helper()
	var fd int
	r.near.Do(t, func() {
		fd = rawSocket(t, unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
		mustBe(t, "bind", unix.Bind(fd, claimName(index)), nil)
		mustBe(t, "listen", unix.Listen(fd, 5), nil)
	})
	end, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			if err != nil {
				select {
				case <-end:
					return
				case <-time.After(time.Millisecond):
				}
				continue
			}
			f := os.NewFile(uintptr(conn), "holder")
			_, _, proof, err := readLine(f, maxLine)
			if err == nil {
				unix.Close(proof)
				_ = f.SetDeadline(time.Now().Add(time.Second))
				_, _ = io.WriteString(f, says)
				if open {
					<-end
				}
			}
			_ = f.Close()
			if open && err == nil {
				return
			}
		}
	}()
	return func() { close(end); <-done }
}

func TestMayByUser(t *testing.T) {
	for uid, want := range map[uint32]bool{0: true, uint32(os.Geteuid()): true, 1: false, overflowUID: false} {
		if got := mayByUser(uid); got != want {
			t.Errorf("user %d: %v, want %v", uid, got, want)
		}
	}
}

// A lease of another user is believed if it shows that it could serve: with the
// other end of the connection, and a priority that only such a process can set.
func TestTakeover_HolderOfAnotherUser(t *testing.T) {
	for name, p := range map[string]struct {
		priority int
		pass     func(mine, theirs *os.File) *os.File
		want     bool
	}{
		"its end":                      {givePriority, func(mine, _ *os.File) *os.File { return mine }, true},
		"its end, everybody's":         {6, func(mine, _ *os.File) *os.File { return mine }, false},
		"its end, of a newcomer":       {askPriority, func(mine, _ *os.File) *os.File { return mine }, false},
		"what the newcomer has passed": {askPriority, func(_, theirs *os.File) *os.File { return theirs }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.near.Do(t, func() {
				l := rawSocket(t, unix.AF_UNIX, unix.SOCK_STREAM)
				mustBe(t, "bind", unix.Bind(l, claimName(1)), nil)
				mustBe(t, "listen", unix.Listen(l, 1), nil)
				theirs := dial(t, 1)
				fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
				mustBe(t, "accept", err, nil)
				mine := os.NewFile(uintptr(fd), "accepted")
				defer mine.Close()
				passed := p.pass(mine, theirs)
				err = onDescriptor(passed, func(fd int) error {
					return errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, p.priority),
						sendLine(mine, "yours 0\n", fd))
				})
				mustBe(t, "send", err, nil)
				line, rest, fd, err := readLine(theirs, maxLine)
				if line != "yours 0\n" || len(rest) != 0 || fd < 0 || err != nil {
					t.Fatal(fmt.Sprint(line, rest, fd, err))
				}
				defer unix.Close(fd)
				if got := proves(fd, theirs, givePriority); got != p.want {
					t.Errorf("it proves %v, want %v", got, p.want)
				}
			})
		})
	}
}

// Whoever has the name of a claim may be anybody, as far as a newcomer can tell: it
// gives nothing away by which a link can be listened to.
func TestTakeover_GivesNoPacketSocketAway(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	got := make(chan int, 1)
	r.near.Do(t, func() {
		l := rawSocket(t, unix.AF_UNIX, unix.SOCK_STREAM)
		mustBe(t, "bind", unix.Bind(l, claimName(link.Index)), nil)
		mustBe(t, "listen", unix.Listen(l, 8), nil)
		go func() {
			for {
				fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
				if err != nil {
					return
				}
				f := os.NewFile(uintptr(fd), "accepted")
				if line, _, proof, _ := readLine(f, len(askLine)); line == askLine {
					got <- proof
				}
				f.Close()
			}
		}()
		defer func() { _ = unix.Shutdown(l, unix.SHUT_RDWR) }()
		_, err := Open(Config{Link: link, Takeover: true}, func([]byte, netip.Addr) {})
		if !errors.As(err, new(*HeldError)) {
			t.Fatalf("take over: %v", err)
		}
	})
	fd := <-got
	if fd < 0 {
		return
	}
	defer unix.Close(fd)
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_UNIX {
		t.Errorf("a socket of family %d, %v", domain, err)
	}
}
