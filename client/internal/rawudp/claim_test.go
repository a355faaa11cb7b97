package rawudp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// try opens a Conn in ns, and closes it again.
func try(t *testing.T, ns *nettest.NS, link lease.LinkState) (err error) {
	t.Helper()
	ns.Do(t, func() {
		var c *Conn
		if c, err = Open(Config{Link: link}, func([]byte, netip.Addr) {}); err == nil {
			mustBe(t, "close", c.Close(), nil)
		}
	})
	return err
}

// A link has one client, and a second is told which process that is: as often
// as it asks, and for as long as the first is open.
func TestOpen_LinkHasOneClient(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	c := r.openWith(t, link, func([]byte, netip.Addr) {})
	for range 20 { // more than wait for an accept
		var held *HeldError
		if err := try(t, r.near, link); !errors.As(err, &held) || held.PID != os.Getpid() {
			t.Fatalf("a second client: %v, want it refused because of process %d", err, os.Getpid())
		}
		if own := filepath.Base(os.Args[0]); held.Name == "" || !strings.HasPrefix(own, held.Name) {
			t.Fatalf("held by %q, want %q", held.Name, own)
		}
	}
	other := link
	other.Index++
	mustBe(t, "a client of the link with this index in another namespace", try(t, r.there, link), nil)
	mustBe(t, "a client of another link", try(t, r.near, other), unix.ENODEV)
	mustBe(t, "close", c.Close(), nil)
	mustBe(t, "a client after the first", try(t, r.near, link), nil)
}

// A claim goes with the link: the one that was made anew is claimed, the old
// index is free. Where the socket would stand in another namespace, none is made,
// and the log says so.
func TestFollow_TakesTheClaimAlong(t *testing.T) {
	r := newRig(t)
	before := r.link(t)
	c := r.openWith(t, before, func([]byte, netip.Addr) {})
	r.near.IP(t, "link", "delete", "eth0")
	nettest.Veth(t, r.near, "eth1", r.there, "eth1")
	r.cable(t)
	after := r.link(t)
	if after.Index == before.Index {
		t.Fatalf("the new link has the old index %d", after.Index)
	}
	mustBe(t, "follow elsewhere", c.Follow(after.Index, ourMAC[:]), nil)
	mustBe(t, "a client of the new link", try(t, r.near, after), nil)
	told := r.log.String()
	if strings.Count(told, "nothing keeps a second client off the link") != 1 {
		t.Errorf("log: %s", told)
	}
	r.near.Do(t, func() {
		for range 2 {
			mustBe(t, "follow", c.Follow(after.Index, ourMAC[:]), nil)
		}
	})
	if err := try(t, r.near, after); !errors.As(err, new(*HeldError)) {
		t.Errorf("a second client of the new link: %v, want it refused", err)
	}
	mustBe(t, "a client of the old index", try(t, r.near, before), unix.ENODEV)
	if log := r.log.String(); log != told {
		t.Errorf("log: %s", log)
	}
	mustBe(t, "close", c.Close(), nil)
	mustBe(t, "a client after the first", try(t, r.near, after), nil)
}

// The name of a claim is open to everybody: whoever could not run a client
// cannot keep one off the link with it. Who has the capabilities could.
func TestOpen_AnotherUserHasTheName(t *testing.T) {
	for caps, serves := range map[string]bool{"-all": false, "-all,+net_raw": true, "-all,+net_admin": true} {
		t.Run(caps, func(t *testing.T) {
			r := newRig(t)
			link := r.link(t)
			ambient := strings.TrimPrefix(caps, "-all,")
			args := []string{"--reuid=1", "--clear-groups", "--inh-caps=" + caps, "--ambient-caps=" + ambient,
				"perl", "-MSocket", "-e", `$| = 1; socket(S, PF_UNIX, SOCK_STREAM, 0) or die;
				bind(S, pack_sockaddr_un("\0" . $ARGV[0])) or die; listen(S, 9) or die; print "ready\n"; <STDIN>`,
				strings.TrimPrefix(claimName(link.Index).Name, "@")}
			other := r.near.Command(context.Background(), "setpriv", args...)
			in, out := pipes(t, other)
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
				t.Fatalf("the other user's process: %q, %v", line, err)
			}
			err := try(t, r.near, link)
			if held := (*HeldError)(nil); serves != errors.As(err, &held) || serves && held.Name != "perl" {
				t.Errorf("opened beside it: %v, want it refused: %v", err, serves)
			}
			in.Close()
			mustBe(t, "its end", other.Wait(), nil)
		})
	}
}

func pipes(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	mustBe(t, "pipe", err, nil)
	out, err = cmd.StdoutPipe()
	mustBe(t, "pipe", err, nil)
	mustBe(t, "start", cmd.Start(), nil)
	return in, out
}

// Who has the name and answers nobody is no client: a name without a listener,
// and one whose queue is full.
func TestOpen_NameThatNobodyAnswersFor(t *testing.T) {
	for name, backlog := range map[string]int{"not listening": -1, "queue full": 0} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			link := r.link(t)
			fds := []int{-1, -1, -1, -1}
			r.near.Do(t, func() {
				for i := range fds {
					var err error
					if fds[i], err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
						t.Fatal(err)
					}
				}
				mustBe(t, "bind", unix.Bind(fds[0], claimName(link.Index)), nil)
				if backlog >= 0 {
					mustBe(t, "listen", unix.Listen(fds[0], backlog), nil)
					for _, fd := range fds[1:] {
						_ = unix.Connect(fd, claimName(link.Index)) // until there is no room
					}
				}
			})
			c := r.openWith(t, link, func([]byte, netip.Addr) {})
			if log := r.log.String(); !strings.Contains(log, "another user") {
				t.Errorf("log: %q", log)
			}
			mustBe(t, "close", c.Close(), nil)
			for _, fd := range fds {
				unix.Close(fd)
			}
		})
	}
}

// A holder without a descriptor to spare hangs up all the same: else it would be
// woken without end by whoever asks.
func TestClaim_HangsUpWithoutDescriptors(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	c := r.openWith(t, link, func([]byte, netip.Addr) {})
	var asks int
	r.near.Do(t, func() {
		var err error
		if asks, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
	})
	defer unix.Close(asks)
	takeAllDescriptors(t)
	mustBe(t, "connect", unix.Connect(asks, claimName(link.Index)), nil)
	deadline := unix.Timeval{Sec: 5}
	mustBe(t, "limit", unix.SetsockoptTimeval(asks, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &deadline), nil)
	if n, err := unix.Read(asks, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("read %d, %v, want the end", n, err)
	}
	mustBe(t, "close", c.Close(), nil)
}

// takeAllDescriptors leaves none to open until the test ends.
func takeAllDescriptors(t *testing.T) {
	t.Helper()
	var full unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &full); err != nil {
		t.Fatal(err)
	}
	less := unix.Rlimit{Cur: 256, Max: full.Max}
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &less, nil); err != nil {
		t.Fatal(err)
	}
	var taken []int
	t.Cleanup(func() {
		for _, fd := range taken {
			unix.Close(fd)
		}
		if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &full, nil); err != nil {
			t.Error(err)
		}
	})
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return
		}
		taken = append(taken, fd)
	}
}
