package cni

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// listen serves by handle at a path, until the test ends.
func listen(t *testing.T, handle func(context.Context, *Request) (*Grant, error)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "agent.sock")
	s, err := Listen(path, slog.New(slog.DiscardHandler), handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket is left")
		}
	})
	return path
}

func status() *Request {
	return &Request{Command: Status, Attachment: Attachment{Network: "lan"}}
}

func ask(t *testing.T, path string, r *Request) (*Grant, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return Ask(ctx, path, 0, r)
}

func TestServer_Answers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	want := netip.MustParsePrefix("192.0.2.5/24")
	t.Run("conversation", func(t *testing.T) {
		path := listen(t, func(_ context.Context, r *Request) (*Grant, error) {
			switch r.Command {
			case Add:
				if own, err := OwnNetns(); r.Namespace == nil || err != nil || r.Namespace.ID() != own {
					t.Errorf("namespace %v", r.Namespace)
				}
				return &Grant{Address: want}, nil
			case GC:
				panic("a fault")
			}
			return nil, &Error{Code: NoLease, Message: "none", Details: "of it"}
		})
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the socket: %v, %v", st, err)
		}
		ns, err := OpenNetns("/proc/self/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		add := &Request{Command: Add, Attachment: Attachment{"lan", "c", "e"}, Netns: "/x", Namespace: ns, Limit: time.Second}
		g, err := ask(t, path, add)
		if unix.Geteuid() != 0 {
			t.Skip("a namespace can be entered by root only")
		}
		if err != nil || g.Address != want {
			t.Errorf("%v, %v", g, err)
		}
		if _, err := ask(t, path, status()); err == nil || err.Error() != "none: of it" {
			t.Errorf("%v", err)
		}
		if _, err := ask(t, path, &Request{Command: GC, Attachment: Attachment{Network: "lan"}}); err == nil || !strings.Contains(err.Error(), "fault") {
			t.Errorf("%v", err)
		}
		add.Namespace = nil
		if _, err := ask(t, path, add); err == nil || !strings.Contains(err.Error(), "no network namespace") {
			t.Errorf("an ADD without a namespace: %v", err)
		}
	})
}

// A descriptor that is something else is refused, and closed.
func TestServer_ForeignDescriptor(t *testing.T) {
	path := listen(t, func(context.Context, *Request) (*Grant, error) { return nil, nil })
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ns := &Netns{path: "/x", fd: fd}
	defer ns.Close()
	r := &Request{Command: Add, Attachment: Attachment{"lan", "c", "e"}, Netns: "/x", Namespace: ns, Limit: time.Second}
	if _, err := ask(t, path, r); err == nil || !strings.Contains(err.Error(), "CNI_NETNS") {
		t.Errorf("%v", err)
	}
}

// Lines that are no request, or have no end, get an answer or none; nothing hangs.
func TestServer_HostileLines(t *testing.T) {
	path := listen(t, func(context.Context, *Request) (*Grant, error) { return nil, nil })
	for _, line := range []string{"\n", "{\n", "\x00\x00\n", `{"version":1}` + "\n", strings.Repeat("x", maxRequest+1)} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = conn.Write([]byte(line))
		answer, err := readLine(conn, maxAnswer)
		// One who is cut off in the middle of his words may not hear why.
		if err == nil && !strings.HasPrefix(string(answer), `{"error":`) {
			t.Errorf("%.20q: %s", line, answer)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.20q: no answer", line)
		}
		_ = conn.Close()
	}
	if _, err := ask(t, path, status()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Whoever can open the socket is not answered for that: the kernel says who he is.
func TestServer_ForeignUser(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	path := listen(t, func(context.Context, *Request) (*Grant, error) { t.Error("he was served"); return nil, nil })
	for dir := filepath.Dir(path); dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	said := make(chan string)
	go func() {
		runtime.LockOSThread() // and the thread ends with this goroutine
		const nobody = 65534
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			said <- errno.Error()
			return
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}
		b := make([]byte, 4096)
		n := 0
		if err == nil {
			_, _ = unix.Write(fd, []byte(`{"version":1,"command":"status","attachment":{"network":"lan"}}`+"\n"))
			n, err = unix.Read(fd, b)
		}
		if err != nil {
			said <- err.Error()
			return
		}
		said <- string(b[:n])
	}()
	if got := <-said; !strings.Contains(got, "user 65534") {
		t.Errorf("he was told %q", got)
	}
}

// A plugin that goes takes its request back.
func TestServer_PeerGone(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan struct{})
	path := listen(t, func(ctx context.Context, _ *Request) (*Grant, error) {
		close(begun)
		<-ctx.Done()
		close(gone)
		return nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := Ask(ctx, path, 0, status())
		failed <- err
	}()
	<-begun
	cancel()
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "has not answered") {
		t.Errorf("%v", err)
	}
	<-gone
}

// One socket has one agent; what a killed one has left is replaced.
func TestListen_Path(t *testing.T) {
	path := listen(t, nil)
	if _, err := Listen(path, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("a second one: %v", err)
	}
	dir := t.TempDir()
	file, stale := filepath.Join(dir, "file"), filepath.Join(dir, "stale")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("where a file is: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	s, err := Listen(stale, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// Without an agent it is waited for, but not for ever.
func TestAsk_Unreachable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	if _, err := Ask(t.Context(), path, 0, status()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
	asked := make(chan error)
	go func() {
		_, err := Ask(t.Context(), path, time.Minute, status())
		asked <- err
	}()
	s, err := Listen(path, slog.New(slog.DiscardHandler), func(context.Context, *Request) (*Grant, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := <-asked; err != nil {
		t.Errorf("an agent that comes later: %v", err)
	}
}
