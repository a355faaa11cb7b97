package helper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// A Process is the program that the helper runs.
type Process struct {
	h    *Helper
	id   uint64
	pid  int
	call *call

	mu     sync.Mutex
	status *unix.WaitStatus
}

// Run runs the Program of the Config, which p must be but for more variables in
// Env, whose names begin with VarPrefix. It returns when the program has been
// executed, or with what execve(2) said to that (errors.Is with fs.ErrNotExist
// and fs.ErrPermission). It can be run once.
func (h *Helper) Run(p Program) (*Process, error) {
	vars, err := h.more(p)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", p.Path, err)
	}
	r := &request{Op: opRun, Vars: vars}
	c, err := h.begin(r, 2)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", p.Path, err)
	}
	var a *answer
	select {
	case a = <-c.answers:
		err = a.Failed.err()
	case <-h.done:
		a, err = c.last()
	}
	if err != nil {
		h.end(r.ID)
		return nil, fmt.Errorf("run %s: %w", p.Path, err)
	}
	return &Process{h: h, id: r.ID, pid: a.Pid, call: c}, nil
}

// more are the variables that p has and the Config has not.
func (h *Helper) more(p Program) ([][]byte, error) {
	want := h.cfg.Program
	if want == nil || p.Path != want.Path || !slices.Equal(p.Args, want.Args) ||
		len(p.Env) < len(want.Env) || !slices.Equal(p.Env[:len(want.Env)], want.Env) {
		return nil, errors.New("it is not the program that the helper was started for")
	}
	vars := octets(p.Env[len(want.Env):])
	for _, v := range vars {
		if err := checkVar(v); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ran {
		return nil, errors.New("it was run before")
	}
	h.ran = true
	return vars, nil
}

// PID is the program's number. Until Wait has returned its status it is no other
// process's.
func (p *Process) PID() int { return p.pid }

// Signal sends the program a signal. That it has ended is no error.
func (p *Process) Signal(sig unix.Signal) error {
	if err := p.h.tell(&request{Op: opSignal, ID: p.id, Signal: int(sig)}); err != nil {
		return fmt.Errorf("signal %d (%v) to process %d: %w", int(sig), sig, p.pid, err)
	}
	return nil
}

// Wait returns how the program has ended.
//
// The error is ErrLost where the helper died first. The program then goes on,
// and belongs to whom the kernel gives it: process 1 of its namespace, or the
// nearest ancestor that is a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER). If
// that is this process it can wait for PID with wait4(2), and signal it by
// kill(2).
func (p *Process) Wait(ctx context.Context) (unix.WaitStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status != nil {
		return *p.status, nil
	}
	var a *answer
	var err error
	select {
	case a = <-p.call.answers:
	case <-p.h.done:
		if a, err = p.call.last(); err != nil {
			return 0, fmt.Errorf("wait for process %d: %w", p.pid, err)
		}
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for process %d: %w", p.pid, context.Cause(ctx))
	}
	p.h.end(p.id)
	if a.Status == nil {
		return 0, fmt.Errorf("wait for process %d: %w", p.pid, errors.Join(errors.New("the helper process does not know"), a.Failed.err()))
	}
	status := unix.WaitStatus(*a.Status)
	p.status = &status
	return status, nil
}
