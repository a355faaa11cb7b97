package helper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
)

// endLimit is how long it may take to end what runs: hook.Script.Close takes 13 s
// at most.
const endLimit = 15 * time.Second

// errEnded is why things are cut short: the first process has ended.
var errEnded = errors.New("the client has ended")

// A server is the helper at work.
type server struct {
	sock *os.File
	log  *slog.Logger
	cfg  wireConfig
	// parent is the first process.
	parent int

	writing sync.Mutex
	// program and links are touched by run alone, and by finish.
	program *running
	links   map[uint32]*link
	// jobs ends with errEnded when the first process has ended.
	jobs   context.Context
	cancel context.CancelCauseFunc

	mu sync.Mutex
	// cancels end what runs, and what waits to.
	cancels map[uint64]context.CancelCauseFunc
	working sync.WaitGroup
}

func newServer(sock *os.File) *server {
	s := &server{sock: sock, parent: os.Getppid(), links: map[uint32]*link{}, cancels: map[uint64]context.CancelCauseFunc{}}
	s.jobs, s.cancel = context.WithCancelCause(context.Background())
	s.log = slog.New(&relay{send: s.send})
	return s
}

// send sends an answer. An error is the end of the first process, of which run
// hears.
func (s *server) send(a *answer) {
	b, err := frame(a, maxMessage)
	if err != nil {
		return // it is made of what is short
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _ = s.sock.Write(b)
}

// run reads the configuration and takes requests until there are no more. The
// error is io.EOF then.
func (s *server) run() error {
	if err := read(s.sock, maxConfig, &s.cfg); err != nil {
		return err
	}
	if err := s.cfg.check(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	lease.Follow(s.cfg.Wall, s.cfg.Boot)
	s.log = slog.New(&relay{send: s.send, level: s.cfg.Level})
	if s.cfg.Program == nil {
		_ = os.Chdir("/") // as a daemon: it is in nobody's way there
	}
	for {
		var r request
		if err := read(s.sock, maxMessage, &r); err != nil {
			return err
		}
		if err := s.do(&r); err != nil {
			return fmt.Errorf("request %q: %w", r.Op, err)
		}
	}
}

// do does what is asked, or begins it. An error is what nobody may ask.
func (s *server) do(r *request) error {
	switch r.Op {
	case opOpen:
		return s.open(r)
	case opResolver, opHostname, opScript, opPreinit, opClose:
		return s.queue(r)
	case opTell:
		return s.tell(r)
	case opCancel:
		s.cancelOne(r.ID)
		return nil
	case opLeave:
		s.answer(r, daemon.LeaveStdio(r.KeepFiles))
		return nil
	case opRun:
		return s.runProgram(r)
	case opSignal:
		return s.signal(r)
	}
	return errors.New("there is no such request")
}

// answer answers a request that has no more to say than how it ended.
func (s *server) answer(r *request, err error) { s.send(&answer{ID: r.ID, Failed: failureOf(err)}) }

// finish ends what runs: what was asked for is cut short, what the scripts were
// told is brought to its end.
func (s *server) finish() {
	s.cancel(errEnded)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var ending sync.WaitGroup
		ending.Go(s.endProgram)
		for _, l := range s.links {
			ending.Go(l.end)
		}
		s.working.Wait()
		ending.Wait()
	}()
	t := time.NewTimer(endLimit)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C: // the kernel keeps something: a disk, or a file server
	}
}
