package cni

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What a peer can do.
const (
	// maxRequest is the longest line of a request, in octets: GC names all
	// attachments of a network, and a node has a few hundred.
	maxRequest = 4 << 20
	// requestTime is how long it may take to arrive.
	requestTime = 5 * time.Second
	// maxConns is how many are served at once. More wait to be accepted: after a
	// node's start all its containers are added together.
	maxConns = 256
	// answerTime is how long an answer may take to be read.
	answerTime = 5 * time.Second
	// restTime is how long no connection is accepted when none can be, for want
	// of descriptors or memory.
	restTime = time.Second
)

// A Server is the agent's ear for plugins.
type Server struct {
	path     string
	listener *net.UnixListener
	handle   func(context.Context, *Request) (*Grant, error)
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	places   chan struct{}
	running  sync.WaitGroup
}

// Listen makes a socket at path, in a directory that is made if it is missing,
// and serves on it: handle is called for each request, in a goroutine of its own,
// and its context ends when the plugin has gone or the Server is closed. An error
// that is no *Error is told with the code Internal.
//
// A socket that a killed process has left is replaced; where somebody listens it
// is an error.
func Listen(path string, log *slog.Logger, handle func(context.Context, *Request) (*Grant, error)) (*Server, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := clear(path); err != nil {
		return nil, err
	}
	l, err := private(path)
	if err != nil {
		return nil, err
	}
	s := &Server{path: path, listener: l, handle: handle, log: log, places: make(chan struct{}, maxConns)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.running.Go(s.accept)
	return s, nil
}

// private listens on a socket that nobody else may connect to. Who does before the
// file has its mode is told by the kernel's word of who he is, as all are. (Package
// net lets the mode be set before, in a way that links its resolver.)
func private(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// clear removes the socket of a process that is no more.
func clear(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s is in the way, which is no socket", path)
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("another process listens on %s", path)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("who listens on %s: %w", path, err)
	}
	return os.Remove(path)
}

// Close ends what is being served, and returns when it has.
func (s *Server) Close() {
	s.cancel()
	_ = s.listener.Close() // and removes the file
	s.running.Wait()
}

func (s *Server) accept() {
	for {
		s.places <- struct{}{}
		conn, err := s.listener.AcceptUnix()
		if err == nil {
			s.running.Go(func() {
				defer func() { <-s.places }()
				s.serve(conn)
			})
			continue
		}
		<-s.places
		if s.ctx.Err() != nil {
			return
		}
		s.log.Warn("no plugin can be served for a moment", "err", err)
		select {
		case <-time.After(restTime):
		case <-s.ctx.Done():
			return
		}
	}
}

// serve reads a request and answers it.
func (s *Server) serve(conn *net.UnixConn) {
	defer func() { _ = conn.Close() }()
	var a Answer
	if grant, err := s.answer(conn); err != nil {
		a.Error = asError(err)
	} else {
		a.Grant = grant
	}
	b, err := json.Marshal(&a)
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(answerTime))
		_, err = conn.Write(append(b, '\n'))
	}
	if err != nil {
		s.log.Debug("the plugin has not heard the answer", "err", err)
	}
}

func (s *Server) answer(conn *net.UnixConn) (*Grant, error) {
	if err := trusted(conn); err != nil {
		return nil, err
	}
	_ = conn.SetReadDeadline(time.Now().Add(requestTime))
	in := &receiver{conn: conn, fd: -1}
	defer in.close()
	line, err := readLine(in, maxRequest)
	if err != nil {
		return nil, Errorf(Undecodable, "the request did not arrive: %v", err)
	}
	r, err := Decode(line)
	if err != nil {
		return nil, err
	}
	if r.Command == Add {
		if r.Namespace, err = in.namespace(r.Netns); err != nil {
			return nil, err
		}
		defer func() {
			if r.Namespace != nil {
				r.Namespace.Close()
			}
		}()
	}
	ctx, cancel := context.WithCancel(s.ctx)
	var watching sync.WaitGroup
	defer func() {
		cancel()
		_ = conn.SetReadDeadline(time.Now())
		watching.Wait()
	}()
	_ = conn.SetReadDeadline(time.Time{})
	watching.Go(func() {
		// Whatever comes, the end or more, the plugin has had its turn.
		_, _ = conn.Read(make([]byte, 1))
		cancel()
	})
	return s.contain(ctx, r)
}

// contain keeps a fault to the request that it is of.
func (s *Server) contain(ctx context.Context, r *Request) (grant *Grant, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("a request has met a fault of the agent", "command", r.Command, "attachment", r.Attachment, "panic", v)
			err = Errorf(Internal, "a fault of the agent: %v", v)
		}
	}()
	return s.handle(ctx, r)
}

// readLine reads up to a line's end, max octets at most.
func readLine(r io.Reader, max int64) ([]byte, error) {
	line, err := bufio.NewReader(io.LimitReader(r, max)).ReadBytes('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, io.EOF) && int64(len(line)) == max:
		return nil, fmt.Errorf("it has more than %d octets", max)
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}

// trusted says nothing if the peer is root's or ours: the mode of the socket, and
// of the directory that it is in, is not all that stands between.
func trusted(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	if bad := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); bad != nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("who is there: %w", err)
	}
	if peer.Uid != 0 && int(peer.Uid) != os.Geteuid() {
		return fmt.Errorf("a process of user %d is there, who is not root", peer.Uid)
	}
	return nil
}
