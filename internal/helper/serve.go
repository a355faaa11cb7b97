package helper

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// errEnded is why things are cut short: the first process has ended.
var errEnded = errors.New("the client has ended")

// A server is the helper at work.
type server struct {
	sock *os.File
	log  *slog.Logger
	cfg  wireConfig

	writing sync.Mutex
	program *running
}

func newServer(sock *os.File) *server {
	s := &server{sock: sock}
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
	case opRun:
		return s.runProgram(r)
	case opSignal:
		return s.signal(r)
	}
	return errors.New("there is no such request")
}

// finish ends what runs.
func (s *server) finish() { s.endProgram() }
