package hook

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// killGrace is how long a program has between the two signals that end it,
	// and reapGrace how long after the second.
	killGrace = 2 * time.Second
	reapGrace = time.Second
	// outputGrace is how long what it has printed is waited for after its end:
	// what it leaves running may keep that open for ever, and maxRelays bounds
	// of how many it is read then, and dropped. Not to read it would end them by
	// SIGPIPE.
	outputGrace = 500 * time.Millisecond
	maxRelays   = 64
	// maxLine and maxLines bound what of its output is logged.
	maxLine  = 512
	maxLines = 100
)

// searchPath is where scripts find programs, as dhclient and an init have it.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// An endError is a program that did not end with 0, or not in time.
type endError struct {
	program, event string
	code           int            // if it has ended itself
	signal         syscall.Signal // if it was ended by one
	limit          time.Duration  // if it was ended by us
}

// status says that it has ended of itself.
func (e *endError) status() bool { return e.limit == 0 }

func (e *endError) Error() string {
	switch {
	case e.limit != 0:
		return fmt.Sprintf("did not end within %v, and was made to", e.limit)
	case e.signal != 0:
		return fmt.Sprintf("was ended by signal %d (%v)", int(e.signal), e.signal)
	}
	return fmt.Sprintf("ended with status %d", e.code)
}

// execute runs one program to its end: at the limit, or when ctx ends, it and all
// that it has started are told to end, and then made to. The descriptors of this
// process are not the program's: Go opens them so.
func (s *Script) execute(ctx context.Context, program string, c *call) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not begun: %w", context.Cause(ctx))
	}
	cmd := exec.Command(program, c.args...)
	cmd.Dir, cmd.Env = "/", c.env
	// A group of its own: it is ended with what it has started, and Ctrl-C at
	// the terminal is for the client, which may still need it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.input != nil {
		input, err := document(c.input)
		if err != nil {
			return err
		}
		defer func() { _ = input.Close() }()
		cmd.Stdin = input
	}
	leave, err := s.start(program, cmd)
	if err != nil {
		return err
	}
	defer leave()
	err = wait(ctx, cmd, s.cfg.Limit)
	var ended *endError
	if errors.As(err, &ended) {
		ended.program, ended.event = program, c.event
	}
	return err
}

// start starts a program. What it prints goes where ours does, or to the log until
// leave is called.
func (s *Script) start(program string, cmd *exec.Cmd) (leave func(), err error) {
	if s.cfg.Attached {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return func() {}, cmd.Start()
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return nil, err
	}
	return s.relay(program, read).leave, nil
}

// document is what a program reads the text from. It need not read it.
func document(text []byte) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	go func() {
		_, _ = write.Write(text)
		_ = write.Close()
	}()
	return read, nil
}

// wait waits for the end of cmd, for limit at most.
func wait(ctx context.Context, cmd *exec.Cmd, limit time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var why error
	select {
	case err := <-ended:
		return status(err)
	case <-timer.C:
		why = &endError{limit: limit}
	case <-ctx.Done():
		why = fmt.Errorf("was cut short: %w", context.Cause(ctx))
	}
	group := -cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	killed := time.NewTimer(killGrace)
	defer killed.Stop()
	select {
	case <-ended:
		// Others of its group may still be there.
		_ = syscall.Kill(group, syscall.SIGKILL)
	case <-killed.C:
		_ = syscall.Kill(group, syscall.SIGKILL)
		killed.Reset(reapGrace)
		select {
		case <-ended:
		case <-killed.C: // the kernel keeps it: a disk, or a file server
		}
	}
	return why
}

func status(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	w, ok := exit.Sys().(syscall.WaitStatus)
	if ok && w.Signaled() {
		return &endError{signal: w.Signal()}
	}
	return &endError{code: exit.ExitCode()}
}

// An output is what a program prints, and what it leaves behind.
type output struct {
	script *Script
	file   *os.File
	// quiet says that no more is logged; all that nothing more comes.
	quiet atomic.Bool
	all   chan struct{}
}

// relay begins to log what a program prints, line by line, a bounded part of it.
func (s *Script) relay(program string, from *os.File) *output {
	o := &output{script: s, file: from, all: make(chan struct{})}
	log := s.cfg.Logger.With("if", s.cfg.Interface, "script", program)
	go func() {
		defer close(o.all)
		defer func() { _ = from.Close() }()
		r := bufio.NewReaderSize(from, maxLine)
		for lines := 0; ; {
			line, more, err := r.ReadLine()
			if err != nil {
				return
			}
			if text := printable(line); text != "" && lines <= maxLines && !o.quiet.Load() {
				if lines++; lines > maxLines {
					text = "(and more)"
				}
				log.Info("a script says", "text", text)
			}
			for more && err == nil {
				_, more, err = r.ReadLine()
			}
		}
	}()
	return o
}

// leave waits for what the program itself has printed.
func (o *output) leave() {
	t := time.NewTimer(outputGrace)
	defer t.Stop()
	select {
	case <-o.all:
		return
	case <-t.C:
	}
	o.quiet.Store(true)
	if o.script.relays.Add(1) > maxRelays {
		_ = o.file.Close()
	}
	go func() {
		<-o.all
		o.script.relays.Add(-1)
	}()
}

// printable is a line that moves no terminal's cursor.
func printable(line []byte) string {
	return strings.TrimSpace(string(bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)))
}
