//go:build amd64 || arm64

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/control"
	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// deed is something that goes on to work.
type deed struct {
	name string
	do   func(w *world) error
}

// A world is what the process had before.
type world struct {
	root            string
	sleeper, victim *exec.Cmd
	wake, hold      *os.File
	helper          *helper.Helper
	netlink         *netlink.Handle
	server          *control.Server
	zone            string
	open, null      *os.File
}

var deeds = []deed{
	{"make, write, sync, shorten, read and remove", func(w *world) error { return w.file() }},
	{"replace a file as the lease is", func(w *world) error {
		return lease.ReplaceFile(w.root+"/rw/lease.json", []byte("a lease"))
	}},
	{"rename within the folder", func(w *world) error {
		return errors.Join(os.Mkdir(w.root+"/rw/dir", 0o755), os.Rename(w.root+"/rw/file", w.root+"/rw/dir/file"),
			os.Remove(w.root+"/rw/dir/file"), os.Remove(w.root+"/rw/dir"))
	}},
	{"list the folder", func(w *world) error { _, err := os.ReadDir(w.root + "/rw"); return err }},
	{"remove where that is allowed", func(w *world) error { return os.Remove(w.root + "/rm/file") }},
	{"read where that is allowed", func(w *world) error { return read(w.root + "/ro/file") }},
	{"read a file that is allowed", func(w *world) error { return read(w.root + "/out/one") }},
	{"read /proc", func(*world) error { return read("/proc/sys/kernel/random/boot_id") }},
	{"stat elsewhere", func(w *world) error { _, err := os.Stat(w.root + "/out/file"); return err }},
	{"write to what is open", func(w *world) error { _, err := w.open.WriteString("x"); return err }},
	{"fifty goroutines with threads", func(*world) error { return startThreads(50) }},
	{"timers", func(*world) error { return timers() }},
	{"signals to itself", func(*world) error { return signalSelf() }},
	{"memory", func(*world) error { return memoryGrows() }},
	{"a child that ends", func(w *world) error { return w.child() }},
	{"a child that is killed", func(w *world) error { return w.kill() }},
	{"a helper that hangs is killed", func(w *world) error { return w.helperHangs() }},
	{"an orphan that is waited for", func(*world) error {
		_, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.ECHILD) {
			err = nil
		}
		return err
	}},
	{"a claim that stands already", func(*world) error { return dialClaim() }},
	{"a socket for commands", func(w *world) error { return w.listen() }},
	{"a datagram to a log", func(w *world) error { return w.datagram() }},
	{"what the socket had before is closed", func(w *world) error { w.server.Close(); return missing(w.server.Path()) }},
	{"the time zone", func(w *world) error {
		if zone, _ := time.Now().Zone(); zone != w.zone {
			return fmt.Errorf("it is %s, not %s", zone, w.zone)
		}
		return nil
	}},
	{"the way to the background", func(w *world) error {
		return errors.Join(os.Chdir("/"), unix.Dup3(int(w.null.Fd()), 0, 0), poll0())
	}},
	{"to read who we are", func(*world) error {
		if os.Getuid() < 0 || os.Getppid() < 0 {
			return errors.New("nobody")
		}
		return nil
	}},
}

func (w *world) file() error {
	f, err := os.OpenFile(w.root+"/rw/new", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString("text")
	b := make([]byte, 2)
	_, err2 := f.ReadAt(b, 0)
	return errors.Join(err, err2, f.Truncate(2), f.Sync(), f.Chmod(0o600), f.Close(), os.Remove(f.Name()))
}

func startThreads(n int) error {
	var all sync.WaitGroup
	var ids sync.Map
	all.Add(n)
	gate := make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			ids.Store(unix.Gettid(), true)
			all.Done()
			<-gate
		}()
	}
	all.Wait()
	close(gate)
	count := 0
	ids.Range(func(any, any) bool { count++; return true })
	if count != n {
		return fmt.Errorf("%d threads", count)
	}
	return nil
}

func timers() error {
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	for range 5 {
		<-t.C
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "timerfd")
	defer f.Close()
	spec := unix.ItimerSpec{Value: unix.Timespec{Nsec: 1e6}}
	if err := unix.TimerfdSettime(fd, 0, &spec, nil); err != nil {
		return err
	}
	_, err = f.Read(make([]byte, 8))
	return err
}

func signalSelf() error {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGUSR1)
	defer signal.Stop(c)
	if err := unix.Kill(os.Getpid(), unix.SIGUSR1); err != nil {
		return err
	}
	<-c
	return nil
}

// memoryGrows has the collector work while memory grows, with goroutines that are
// preempted.
func memoryGrows() error {
	done := make(chan struct{})
	spinning := make(chan struct{})
	go func() {
		close(spinning)
		for n := 0; ; n++ { // preempted by a signal
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	<-spinning
	var keep [][]byte
	for i := range 64 {
		b := make([]byte, 1<<20)
		b[i] = 1
		keep = append(keep, b)
	}
	runtime.GC()
	runtime.KeepAlive(keep)
	keep = nil
	debug.FreeOSMemory()
	close(done)
	b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	return errors.Join(unix.Mprotect(b, unix.PROT_READ), unix.Madvise(b, unix.MADV_DONTNEED), unix.Munmap(b))
}

func (w *world) child() error {
	if err := w.wake.Close(); err != nil {
		return err
	}
	err := w.sleeper.Wait()
	if code := w.sleeper.ProcessState.ExitCode(); code != 7 {
		return fmt.Errorf("it ended with %d: %w", code, err)
	}
	return nil
}

func (w *world) kill() error {
	if err := unix.Kill(w.victim.Process.Pid, unix.SIGKILL); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := w.victim.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		return fmt.Errorf("it ended with %w", err)
	}
	return nil
}

// helperHangs closes a helper that was stopped before.
func (w *world) helperHangs() error {
	w.helper.Close(time.Millisecond)
	select {
	case <-w.helper.Done():
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("process %d is still there", w.helper.PID())
	}
}

// listen serves one connection, which somebody has made before.
func (w *world) listen() error {
	l, err := net.Listen("unix", w.root+"/rw/socket")
	if err != nil {
		return err
	}
	c, err := net.DialTimeout("unix", w.root+"/rw/socket", time.Second)
	if err != nil {
		return err
	}
	s, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = c.Write([]byte("x"))
	_, err2 := s.Read(make([]byte, 1))
	return errors.Join(err, err2, s.Close(), c.Close(), l.Close(), missing(w.root+"/rw/socket"))
}

// claimName is like that of a client's claim on a link.
const claimName = "@dhclient-go/sandbox"

func listenClaim() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("%s/%d", claimName, os.Getpid())}), unix.Listen(fd, 1))
}

func dialClaim() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("%s/%d", claimName, os.Getpid())})
}

func missing(name string) error {
	if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is still there (%v)", name, err)
	}
	return nil
}

// datagram reaches a socket by its path, elsewhere.
func (w *world) datagram() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, []byte("line"), unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: w.root + "/out/log"})
}

func poll0() error {
	_, err := unix.Poll([]unix.PollFd{{Fd: 0, Events: unix.POLLIN}}, 0)
	return err
}

// prepare has what the process has when it enters.
func (w *world) prepare(o *order) error {
	var err error
	sleep := func() (*exec.Cmd, *os.File) {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), childEnv+"=sleep")
		r, wr, _ := os.Pipe()
		cmd.Stdin = r
		if e := cmd.Start(); e != nil {
			err = e
		}
		r.Close()
		return cmd, wr
	}
	w.sleeper, w.wake = sleep()
	w.victim, w.hold = sleep()
	if err = errors.Join(err, listenClaim()); err != nil {
		return err
	}
	if w.helper, err = helper.Start(helper.Config{}, nil); err != nil {
		return err
	}
	if err := unix.Kill(w.helper.PID(), unix.SIGSTOP); err != nil {
		return err
	}
	o.Config.Signal = append(o.Config.Signal, w.victim.Process.Pid, w.helper.PID())
	if w.open, err = os.Create(w.root + "/out/open"); err != nil {
		return err
	}
	if w.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return err
	}
	if w.netlink, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return err
	}
	handle := func(context.Context, *control.Request, *control.Writer) error { return nil }
	w.server, err = control.Listen(control.Config{Dir: w.root + "/rw", Name: "eth0", Handle: handle})
	w.zone = "TEST"
	return err
}

// liveChild does what a client does.
func liveChild(o *order, out *outcome) {
	w := &world{root: o.Root}
	if err := w.prepare(o); err != nil {
		panic(err)
	}
	o.enter(out)
	for _, d := range deeds {
		out.note(d.name, d.do(w))
	}
	out.note("an address", w.address())
}

// address sets an address on lo, through a socket that was opened before.
func (w *world) address() error {
	lo, err := w.netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr("192.0.2.77/32")
	if err != nil {
		return err
	}
	return w.netlink.AddrAdd(lo, addr)
}

func newLiveOrder(t *testing.T) order {
	o := newOrder(t)
	o.Config.Connect = true
	if err := os.WriteFile(filepath.Join(o.Root, "out/one"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o.Config.ReadOnly = append(o.Config.ReadOnly, filepath.Join(o.Root, "out/one"))
	log, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(o.Root, "out/log"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	if err := os.Chmod(filepath.Join(o.Root, "out/log"), 0o777); err != nil {
		t.Fatal(err)
	}
	return o
}

// inTestZone has a child see a time zone that only a file of its own knows.
func inTestZone(t *testing.T, root string) func(*exec.Cmd) {
	// RFC 8536 3: version 1, one type: no offset, no summer time, TEST.
	zone := "TZif" + strings.Repeat("\x00", 16) + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" +
		"\x00\x00\x00\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x05" + "\x00\x00\x00\x00\x00\x00" + "TEST\x00"
	path := filepath.Join(root, "out/zone")
	if err := os.WriteFile(path, []byte(zone), 0o644); err != nil {
		t.Fatal(err)
	}
	return func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "TZ=:"+path) }
}

// What a client does goes on to work, to the setting of an address.
func TestAllowed(t *testing.T) {
	t.Parallel()
	o := newLiveOrder(t)
	ns := nettest.NewNS(t, "sandbox")
	cmd := run(t, "live", o, inTestZone(t, o.Root), func(cmd *exec.Cmd) {
		cmd.Args = []string{cmd.Path}
		in := ns.Command(t.Context(), cmd.Path)
		cmd.Path, cmd.Args, cmd.Err = in.Path, in.Args, in.Err
	})
	if !cgo {
		needAll(t, cmd)
	}
	for name, errno := range cmd.Errors {
		if errno != 0 {
			t.Errorf("%s: %s", name, cmd.Texts[name])
		}
	}
	if out := ns.IP(t, "-o", "address", "show", "dev", "lo"); !strings.Contains(out, "192.0.2.77/32") {
		t.Errorf("lo has %s", out)
	}
}

// All but the address works for a user without any capability.
func TestAllowedToAnotherUser(t *testing.T) {
	t.Parallel()
	o := newLiveOrder(t)
	out := run(t, "live", o, inTestZone(t, o.Root), another(t))
	for name, errno := range out.Errors {
		if want := syscall.Errno(0); errno != want && (name != "an address" || errno != unix.EPERM) {
			t.Errorf("%s: %s", name, out.Texts[name])
		}
	}
}

// panicChild ends as a fault ends it.
func panicChild(o *order, out *outcome) {
	o.enter(out)
	go func() {
		var nobody *world
		nobody.root = "a fault"
	}()
	select {}
}

// dieChild ends by a signal, which has its default action again.
func dieChild(o *order, out *outcome) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGTERM)
	o.enter(out)
	signal.Reset(unix.SIGTERM)
	if err := unix.Kill(os.Getpid(), unix.SIGTERM); err != nil {
		panic(err)
	}
	select {}
}

// A panic is told as ever, and ends the process with 2.
func TestPanic(t *testing.T) {
	t.Parallel()
	cmd, stdout, stderr := command(t, "panic", newOrder(t))
	_ = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("exit code %d (%v)", code, cmd.ProcessState)
	}
	for _, want := range []string{"panic: ", "nil pointer dereference", "goroutine ", "live_test.go:"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in:\n%s%s", want, stdout, stderr)
		}
	}
}

// A process that dies of a signal is seen to have.
func TestDeathBySignal(t *testing.T) {
	t.Parallel()
	cmd, _, stderr := command(t, "die", newOrder(t))
	_ = cmd.Run()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != unix.SIGTERM {
		t.Errorf("%v\n%s", cmd.ProcessState, stderr)
	}
}
