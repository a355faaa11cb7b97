package helper

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// endGrace is how long the program has to end when the first process is gone.
const endGrace = 10 * time.Second

// running is the program at work.
type running struct {
	id      uint64
	process *os.Process
	ended   chan struct{}
}

// runProgram runs the program of the configuration.
func (s *server) runProgram(r *request) error {
	p := s.cfg.Program
	switch {
	case p == nil || r.ID == 0:
		return errors.New("no program was named at the start")
	case s.program != nil:
		return errors.New("the program was run before")
	}
	for _, v := range r.Vars {
		if err := checkVar(v); err != nil {
			return err
		}
	}
	env := texts(p.Env)
	if env == nil {
		env = os.Environ()
	}
	s.program = &running{id: r.ID, ended: make(chan struct{})}
	process, err := os.StartProcess(string(p.Path), texts(p.Args), &os.ProcAttr{
		Env:   append(env, texts(r.Vars)...),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		close(s.program.ended)
		s.send(&answer{ID: r.ID, Failed: failureOf(err)})
		return nil
	}
	s.program.process = process
	s.send(&answer{ID: r.ID, Pid: process.Pid})
	go s.awaitProgram(s.program)
	return nil
}

// awaitProgram says how the program ends.
func (s *server) awaitProgram(p *running) {
	defer close(p.ended)
	state, err := p.process.Wait()
	a := &answer{ID: p.id, Failed: failureOf(err)}
	if err == nil {
		status := uint32(state.Sys().(syscall.WaitStatus))
		a.Status = &status
	}
	s.send(a)
}

// maxSignal is the last of Linux's signals (signal(7)).
const maxSignal = 64

// signal sends the program a signal.
func (s *server) signal(r *request) error {
	p := s.program
	switch {
	case p == nil || r.ID != p.id:
		return errors.New("no such program runs")
	case r.Signal < 1 || r.Signal > maxSignal:
		return fmt.Errorf("there is no signal %d", r.Signal)
	case p.process == nil:
		return nil
	}
	if err := p.process.Signal(syscall.Signal(r.Signal)); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.log.Warn("the program gets no signal", "signal", r.Signal, "err", err)
	}
	return nil
}

// endProgram ends the program, which is not meant to run without the client.
func (s *server) endProgram() {
	p := s.program
	if p == nil || p.process == nil {
		return
	}
	t := time.NewTimer(endGrace)
	defer t.Stop()
	_ = p.process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return
	case <-t.C:
	}
	_ = p.process.Kill()
	t.Reset(goneLimit)
	select {
	case <-p.ended:
	case <-t.C: // the kernel keeps it
	}
}
