package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// patience is the limit of what should take no time.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serveHere listens in a new directory; what handle is nil for is answered with a
// link.
func serveHere(t *testing.T, handle func(context.Context, *Request, *Writer) error) (*Server, string) {
	t.Helper()
	dir := filepath.Join(shortDir(t), "run", "sockets")
	if handle == nil {
		handle = func(_ context.Context, r *Request, w *Writer) error { return w.Link(r.Command + " " + r.Interface) }
	}
	s, err := Listen(Config{Dir: dir, Name: "eth0", Handle: handle, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, dir
}

// shortDir is a directory whose path leaves room in a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "control-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// heard is what all processes in dir answer.
func heard(t *testing.T, dir string, r Request) (links []string, err error) {
	t.Helper()
	a := Asking{Dir: dir, Request: r, Patience: patience, Each: func(_ int, a *Answer) { links = append(links, string(a.Link)) }}
	return links, a.Do(t.Context())
}

// dial connects by the means of others.
func dial(t *testing.T, s *Server) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.Path(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// answer is the first line that comes, or the last words of it.
func answer(t *testing.T, c net.Conn) (a Answer) {
	t.Helper()
	line, err := bufio.NewReader(c).ReadBytes('\n')
	if err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return a
}

func TestAsk_EveryProcess(t *testing.T) {
	_, dir := serveHere(t, nil)
	second, err := Listen(Config{Dir: dir, Name: "eth1", Logger: slog.New(slog.DiscardHandler),
		Handle: func(_ context.Context, r *Request, w *Writer) error {
			if !SameNetns(r.Netns, Netns()) || r.Netns == 0 {
				t.Errorf("netns %d", r.Netns)
			}
			return errors.New("cannot do that")
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	links, err := heard(t, dir, Request{Command: "status", Interface: "eth7"})
	if len(links) != 1 || links[0] != `"status eth7"` {
		t.Errorf("%q", links)
	}
	if err == nil || !strings.HasSuffix(err.Error(), ".sock: cannot do that") {
		t.Error(err)
	}
}

func TestAsk_Nobody(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if links, err := heard(t, dir, Request{Command: "status"}); len(links) > 0 || err != nil {
			t.Errorf("%q, %v", links, err)
		}
	}
}

// Whatever the umask is, the directory can be looked into and the socket is its
// owner's alone, from the moment that it has a name.
func TestListen_Modes(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		old := unix.Umask(0o022)
		dir := filepath.Join(shortDir(t), "sockets")
		unix.Umask(umask)
		s, err := Listen(Config{Dir: dir, Name: "eth0", Logger: slog.New(slog.DiscardHandler)})
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o755, s.Path(): fs.ModeSocket | 0o600} {
			if st, err := os.Lstat(path); err != nil || st.Mode() != want {
				t.Errorf("umask %o: %s: %v, %v", umask, path, st.Mode(), err)
			}
		}
	}
	// Nor is it open to others before that is looked at.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	path := filepath.Join(shortDir(t), "s")
	old := unix.Umask(0)
	defer unix.Umask(old)
	if err := bindPrivate(fd, path); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(path); err != nil || st.Mode().Perm() != socketMode {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

// A directory that is there keeps its mode.
func TestListen_DirectoryOfOthers(t *testing.T) {
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o710); err != nil {
		t.Fatal(err)
	}
	s, err := Listen(Config{Dir: dir, Name: "eth0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o710 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

func TestListen_Fails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		file:               "not a directory",
		file + "/below":    "not a directory",
		"/proc/no/sockets": "/proc/no",
		filepath.Join(t.TempDir(), strings.Repeat("d", 90)): "its path has more than 107 octets",
	} {
		s, err := Listen(Config{Dir: dir, Name: "eth0", Logger: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

// deadSocket is what a killed process leaves.
func deadSocket(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	return path
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// What a killed process has left is removed by who asks, and by who listens for
// the same link; what is no socket is let alone.
func TestStaleSockets(t *testing.T) {
	s, dir := serveHere(t, nil)
	stale := deadSocket(t, dir, "eth9-4000000.sock")
	file, link := filepath.Join(dir, "file.sock"), filepath.Join(dir, "link.sock")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(stale, link)); err != nil {
		t.Fatal(err)
	}
	if links, err := heard(t, dir, Request{Command: "status"}); err != nil || len(links) != 1 {
		t.Errorf("%q, %v", links, err)
	}
	if exists(stale) || !exists(file) || !exists(link) || !exists(s.Path()) {
		t.Error("the wrong files were removed")
	}
	stale, other := deadSocket(t, dir, "eth0-4000000.sock"), deadSocket(t, dir, "eth1-4000000.sock")
	again, err := Listen(Config{Dir: dir, Name: "eth0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if exists(stale) || !exists(other) || !exists(s.Path()) {
		t.Error("the wrong sockets were removed")
	}
	// The same number in another pid namespace: both have a name.
	if s.Path() == again.Path() {
		t.Errorf("both are %s", s.Path())
	}
}

// Another's socket in the place of ours stays when we end.
func TestClose_RemovesItsOwnSocketOnly(t *testing.T) {
	s, _ := serveHere(t, nil)
	if err := os.Remove(s.Path()); err != nil {
		t.Fatal(err)
	}
	other := deadSocket(t, filepath.Dir(s.Path()), filepath.Base(s.Path()))
	s.Close()
	if !exists(other) {
		t.Error("it is gone")
	}
	s, _ = serveHere(t, nil)
	s.Close()
	if exists(s.Path()) {
		t.Error("ours is still there")
	}
}

// Nobody asks a process of another user who could put a socket there.
func TestAsk_TrustsRootAndItself(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "eth0-1.sock")
	done := make(chan error)
	var l *net.UnixListener
	go func() {
		// The credentials of a listener are those of listen(2); the thread,
		// which is somebody else's now, ends with the goroutine.
		runtime.LockOSThread()
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 4711, 4711, 4711)
		if errno != 0 {
			done <- errno
			return
		}
		var err error
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		done <- err
	}()
	if err := <-done; err != nil {
		t.Skipf("cannot be somebody else here: %v", err)
	}
	defer func() { _ = l.Close() }()
	links, err := heard(t, dir, Request{Command: "status"})
	if len(links) > 0 || err == nil || !strings.Contains(err.Error(), "is a socket of user 4711, who is not asked") {
		t.Errorf("%q, %v", links, err)
	}
}

// What makes no sense gets an error, and nothing else happens.
func TestServe_BadRequests(t *testing.T) {
	s, _ := serveHere(t, func(context.Context, *Request, *Writer) error {
		t.Error("it was obeyed")
		return nil
	})
	for line, want := range map[string]string{
		"\n":                                  "the request is no JSON object",
		"status\n":                            "the request is no JSON object",
		"[1]\n":                               "the request is no JSON object",
		"{}\n":                                "version 0 of the protocol is asked for, and this is 1",
		`{"version":2,"command":"x"}` + "\n":  "version 2 of the protocol",
		`{"version":1}` + "\n":                "the request has no command",
		strings.Repeat("x", maxRequest):       "more than 65536 octets",
		strings.Repeat("[", maxRequest) + "x": "more than 65536 octets",
		strings.Repeat("[", 60000) + "\n":     "the request is no JSON object",
	} {
		c := dial(t, s)
		_, _ = c.Write([]byte(line))
		if a := answer(t, c); !strings.Contains(a.Error, want) {
			t.Errorf("%.20q: %q, not %q", line, a.Error, want)
		}
	}
	// Half a request, and none.
	for _, half := range []string{`{"version":1,`, ""} {
		c := dial(t, s)
		_, _ = c.Write([]byte(half))
		_ = c.CloseWrite()
		if a := answer(t, c); !strings.Contains(a.Error, "the request has no end") {
			t.Errorf("%q: %q", half, a.Error)
		}
	}
}

// Who connects and says nothing is not listened to for long.
func TestServe_SilentPeer(t *testing.T) {
	s, _ := serveHere(t, nil)
	if a := answer(t, dial(t, s)); !strings.Contains(a.Error, "the request has no end: ") {
		t.Errorf("%q", a.Error)
	}
}

// Too many at once are told so; when some have gone, others have their turn.
func TestServe_Crowd(t *testing.T) {
	begun := make(chan struct{}, 2*maxConns)
	s, dir := serveHere(t, func(ctx context.Context, r *Request, _ *Writer) error {
		if r.Command == "hold" {
			begun <- struct{}{}
			<-ctx.Done()
		}
		return nil
	})
	var held []*net.UnixConn
	for range maxConns {
		c := dial(t, s)
		fmt.Fprintf(c, `{"version":1,"command":"hold"}`+"\n")
		<-begun
		held = append(held, c)
	}
	if a := answer(t, dial(t, s)); !strings.HasPrefix(a.Error, "busy: 16 others") {
		t.Errorf("%+v", a)
	}
	// One end at a time: the peer says more than it should, or goes.
	_, _ = held[0].Write([]byte("x"))
	_ = held[1].Close()
	deadline := time.Now().Add(patience)
	for {
		_, err := heard(t, dir, Request{Command: "status"})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// Without descriptors nothing can be accepted: the poller is not called again
// and again meanwhile, and later all is as before.
func TestServe_NoDescriptors(t *testing.T) {
	var tries atomic.Int32
	var failing atomic.Bool
	failing.Store(true)
	dir := filepath.Join(shortDir(t), "sockets")
	s, err := listenWith(Config{Dir: dir, Name: "eth0", Logger: slog.New(slog.DiscardHandler),
		Handle: func(_ context.Context, _ *Request, w *Writer) error { return w.Link(1) }},
		func(fd int) (int, error) {
			tries.Add(1)
			if failing.Load() {
				return -1, unix.EMFILE
			}
			return accept(fd)
		})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := dial(t, s)
	fmt.Fprintf(c, `{"version":1,"command":"status"}`+"\n")
	time.Sleep(restTime / 4) // in which a loop would go round many times more
	if n := tries.Load(); n == 0 || n > 20000 {
		t.Errorf("%d tries", n)
	}
	failing.Store(false)
	if a := answer(t, c); string(a.Link) != "1" {
		t.Errorf("%+v", a)
	}
}

// Who does not read keeps neither others nor the end waiting.
func TestServe_SlowReader(t *testing.T) {
	feed := &Feed[string]{}
	line := strings.Repeat("x", 10000)
	s, dir := serveHere(t, func(ctx context.Context, r *Request, w *Writer) error {
		if r.Command != "watch" {
			return w.Link(1)
		}
		news := feed.Subscribe()
		defer news.End()
		w.Patient()
		if err := w.Link(0); err != nil {
			return err
		}
		for {
			v, dropped, ok := news.Next(ctx)
			var err error
			switch {
			case !ok:
				return nil
			case dropped > 0:
				err = w.Event(nil, dropped)
			default:
				err = w.Event(v, 0)
			}
			if err != nil {
				return err
			}
		}
	})
	c := dial(t, s)
	fmt.Fprintf(c, `{"version":1,"command":"watch"}`+"\n")
	r := bufio.NewReaderSize(c, 1<<16)
	if first, err := r.ReadString('\n'); err != nil || first != `{"link":0}`+"\n" {
		t.Fatalf("%q, %v", first, err)
	}
	const sent = 2000
	for range sent {
		feed.Publish(line) // 20 MB: more than any buffer has
	}
	if links, err := heard(t, dir, Request{Command: "status"}); err != nil || len(links) != 1 {
		t.Errorf("others: %q, %v", links, err)
	}
	got, dropped := 0, uint64(0)
	for got+int(dropped) < sent {
		text, err := r.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var a Answer
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatal(err)
		}
		if dropped += a.Dropped; a.Event != nil {
			got++
		}
	}
	if dropped == 0 || got < queueLength {
		t.Errorf("%d came, %d were dropped", got, dropped)
	}
	// And now the end, while it does not read.
	for range sent {
		feed.Publish(line)
	}
	began := time.Now()
	s.Close()
	if d := time.Since(began); d > patience/2 {
		t.Errorf("closing took %v", d)
	}
}

// The last words are heard.
func TestClose_SaysWhatIsToBeSaid(t *testing.T) {
	feed := &Feed[int]{}
	ready := make(chan struct{})
	s, dir := serveHere(t, func(ctx context.Context, _ *Request, w *Writer) error {
		news := feed.Subscribe()
		defer news.End()
		close(ready)
		for {
			v, _, ok := news.Next(ctx)
			if !ok {
				return nil
			}
			if err := w.Event(v, 0); err != nil {
				return err
			}
		}
	})
	var got []string
	var asked sync.WaitGroup
	asked.Go(func() {
		a := Asking{Dir: dir, Request: Request{Command: "watch"}, Each: func(_ int, a *Answer) { got = append(got, string(a.Event)) }}
		if err := a.Do(context.Background()); err != nil {
			t.Error(err)
		}
	})
	<-ready
	for i := range 50 {
		feed.Publish(i)
	}
	s.Close()
	asked.Wait()
	if len(got) != 50 || got[49] != "49" {
		t.Errorf("%q", got)
	}
}

// Who asks a process that is stopped, or tells stories, gets an error in time.
func TestAsk_HostileProcess(t *testing.T) {
	for name, tt := range map[string]struct {
		say  []byte
		hang bool
		want string
	}{
		"silence":     {nil, true, "eth0-1.sock: the process does not answer"},
		"nonsense":    {[]byte("hello\n"), true, "the answer makes no sense"},
		"endless":     {bytes.Repeat([]byte("x"), 2*maxAnswer), true, "token too long"},
		"deep":        {[]byte(`{"link":` + strings.Repeat("[", 100000) + "\n"), true, "the answer makes no sense"},
		"half a line": {[]byte(`{"done":tr`), false, "the answer makes no sense"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "eth0-1.sock"), Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			var serving sync.WaitGroup
			serving.Go(func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer func() { _ = c.Close() }()
				_, _ = bufio.NewReader(c).ReadString('\n')
				_, _ = c.Write(tt.say)
				if tt.hang {
					_, _ = c.Read(make([]byte, 1))
				}
			})
			a := Asking{Dir: dir, Request: Request{Command: "status"}, Patience: 300 * time.Millisecond,
				Each: func(_ int, a *Answer) { t.Errorf("%+v", a) }}
			if err := a.Do(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, not %q", err, tt.want)
			}
			serving.Wait()
		})
	}
}

// A process that ends before it has answered is no trouble, and known.
func TestAsk_ProcessEnds(t *testing.T) {
	dir := shortDir(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "eth0-1.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte(`{"link":1}` + "\n"))
			_ = c.Close() // with the request unread: a reset
		}
		_ = l.Close()
	})
	links, ended := 0, 0
	a := Asking{Dir: dir, Request: Request{Command: "status"}, Patience: patience,
		Each: func(int, *Answer) { links++ }, Ended: func(int) { ended++ }}
	if err := a.Do(t.Context()); err != nil || ended != 1 || links > 1 {
		t.Errorf("%v, %d links, %d ended", err, links, ended)
	}
	serving.Wait()
}

func TestFeed_NobodyListens(t *testing.T) {
	f := &Feed[int]{}
	f.Publish(1)
	s := f.Subscribe()
	f.Publish(2)
	f.Close()
	if v, _, ok := s.Next(t.Context()); !ok || v != 2 {
		t.Errorf("%d, %v", v, ok)
	}
	if _, _, ok := s.Next(t.Context()); ok {
		t.Error("there is more after the end")
	}
	s.End()
	late := f.Subscribe()
	defer late.End()
	if _, _, ok := late.Next(t.Context()); ok {
		t.Error("there is something for who comes late")
	}
}

// What was dropped is counted where it is missing.
func TestFeed_Order(t *testing.T) {
	f := &Feed[int]{}
	s := f.Subscribe()
	defer s.End()
	for i := range queueLength + 3 {
		f.Publish(i)
	}
	for i := range queueLength {
		if v, dropped, ok := s.Next(t.Context()); v != i || dropped != 0 || !ok {
			t.Fatalf("%d: %d, %d, %v", i, v, dropped, ok)
		}
		f.Publish(1000) // after those that are missing: missing too
	}
	if _, dropped, ok := s.Next(t.Context()); dropped != queueLength+3 || !ok {
		t.Fatalf("%d dropped", dropped)
	}
	f.Publish(7)
	if v, dropped, ok := s.Next(t.Context()); v != 7 || dropped != 0 || !ok {
		t.Fatalf("%d, %d", v, dropped)
	}
}
