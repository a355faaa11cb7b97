package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// What a peer can do.
const (
	// maxRequest is the longest line of a request, in octets.
	maxRequest = 64 << 10
	// requestTime is how long it may take to arrive.
	requestTime = time.Second
	// maxConns is how many are talked to at once; more are told to come back.
	maxConns = 16
	// answerTime is how long a line of an answer may take to be read. Events
	// wait without a limit: see Feed.
	answerTime = 5 * time.Second
	// restTime is how long no connection is accepted when none can be, for
	// want of descriptors or memory.
	restTime = time.Second
	// closeGrace is how long the last lines may take at the end.
	closeGrace = 200 * time.Millisecond
)

// Config says how to listen.
type Config struct {
	// Dir is the directory of the sockets, which is made if it is missing.
	Dir string
	// Name is what the socket's name begins with: that of a link. Sockets of
	// that name which killed processes have left are removed.
	Name string
	// Handle answers a request, in a goroutine of its own, and returns when all
	// is said, or when ctx ends: the peer has gone, or the server is closed. An
	// error is told to the peer.
	Handle func(ctx context.Context, r *Request, w *Writer) error
	// Logger has a line for what goes wrong.
	Logger *slog.Logger
}

// A Server listens. It has no goroutine while nobody talks to it.
type Server struct {
	cfg    Config
	fd     int
	path   string
	file   os.FileInfo
	accept func(fd int) (int, error) // replaced in tests
	ctx    context.Context
	cancel context.CancelFunc

	// reg is replaced by rest, and resting says that it will be.
	regMu   sync.Mutex
	reg     *poll.Registration
	mu      sync.Mutex
	resting bool
	closed  bool
	conns   map[*os.File]bool
	running sync.WaitGroup
}

// Listen begins to serve. The error says what cannot be made, and where.
func Listen(cfg Config) (*Server, error) { return listenWith(cfg, accept) }

func listenWith(cfg Config, accept func(fd int) (int, error)) (*Server, error) {
	fd, path, err := listen(cfg.Dir, cfg.Name)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, fd: fd, path: path, accept: accept, conns: map[*os.File]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.file, _ = os.Lstat(path)
	s.regMu.Lock() // somebody may be there already
	s.reg, err = poll.Register(fd, s.ready)
	s.regMu.Unlock()
	if err != nil {
		s.unlink()
		_ = unix.Close(fd)
		return nil, err
	}
	return s, nil
}

// Path is that of the socket.
func (s *Server) Path() string { return s.path }

func accept(fd int) (int, error) {
	conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	return conn, err
}

// ready is called by the poller when somebody connects. It must not block.
func (s *Server) ready() {
	for {
		fd, err := s.accept(s.fd)
		switch {
		case err == nil:
			s.begin(fd)
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EAGAIN):
			return
		default:
			s.rest(err)
			return
		}
	}
}

// begin talks to who has connected, if there is room.
func (s *Server) begin(fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConns {
		line := fmt.Sprintf(`{"error":"busy: %d others are being talked to"}`+"\n", len(s.conns))
		_ = unix.Sendto(fd, []byte(line), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
		_ = unix.Close(fd)
		return
	}
	f := os.NewFile(uintptr(fd), "control")
	s.conns[f] = true
	s.running.Go(func() {
		s.serve(f)
		s.mu.Lock()
		delete(s.conns, f)
		s.mu.Unlock()
		_ = f.Close()
	})
}

// rest stops listening for a while: nothing can be accepted, and the poller
// would call again at once.
func (s *Server) rest(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resting || s.closed {
		return
	}
	s.resting = true
	s.cfg.Logger.Warn("no command can be served for a moment", "err", why)
	s.running.Go(func() {
		s.regMu.Lock()
		s.reg.Close()
		s.regMu.Unlock()
		select {
		case <-time.After(restTime):
		case <-s.ctx.Done():
		}
		s.mu.Lock()
		s.resting = false
		s.mu.Unlock()
		s.regMu.Lock()
		defer s.regMu.Unlock()
		if s.ctx.Err() != nil {
			return
		}
		reg, err := poll.Register(s.fd, s.ready)
		if err != nil {
			s.cfg.Logger.Warn("no command is served any more", "err", err)
			return
		}
		s.reg = reg
	})
}

// Close ends it, when what is being said is said, or soon.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.regMu.Lock()
	s.reg.Close()
	s.regMu.Unlock()
	s.unlink()
	_ = unix.Close(s.fd)
	ended := make(chan struct{})
	go func() { s.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return
	case <-time.After(closeGrace):
	}
	s.mu.Lock()
	for f := range s.conns {
		_ = f.Close() // whatever it waits for
	}
	s.mu.Unlock()
	<-ended
}

// unlink removes the socket's file, if it is still ours.
func (s *Server) unlink() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		_ = os.Remove(s.path)
	}
}
