package hook

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// killGrace is how long a program has between the two signals that end it,
	// and outputGrace how long its output is read after its end: what it leaves
	// running may keep that open for ever.
	killGrace   = 2 * time.Second
	outputGrace = 100 * time.Millisecond
	// maxLine and maxLines bound what of its output is logged.
	maxLine  = 512
	maxLines = 100
)

// searchPath is where scripts find programs, as dhclient and an init have it.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A statusError is a program that did not end with 0.
type statusError struct {
	code   int
	signal syscall.Signal
}

func (e *statusError) Error() string {
	if e.signal != 0 {
		return fmt.Sprintf("was ended by signal %d (%v)", int(e.signal), e.signal)
	}
	return fmt.Sprintf("ended with status %d", e.code)
}

// execute runs one program to its end: at the limit, or when ctx ends, it and all
// that it has started are told to end, and then made to.
func (s *Script) execute(ctx context.Context, program string, c *call) error {
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
	if s.cfg.Attached {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		return wait(ctx, cmd, s.cfg.Limit)
	}
	return s.executeDetached(ctx, cmd)
}

// executeDetached runs a program whose output is logged.
func (s *Script) executeDetached(ctx context.Context, cmd *exec.Cmd) error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = read.Close() }()
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		return err
	}
	printed := make(chan struct{})
	go s.relay(cmd.Path, read, printed)
	err = wait(ctx, cmd, s.cfg.Limit)
	select {
	case <-printed:
	case <-time.After(outputGrace):
	}
	return err
}

// document is a file with the text, which needs nobody to write it while the
// program reads it, or does not.
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
		why = fmt.Errorf("did not end within %v", limit)
	case <-ctx.Done():
		why = fmt.Errorf("was cut short: %w", context.Cause(ctx))
	}
	group := -cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(killGrace):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	return why
}

func status(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	w, ok := exit.Sys().(syscall.WaitStatus)
	if ok && w.Signaled() {
		return &statusError{signal: w.Signal()}
	}
	return &statusError{code: exit.ExitCode()}
}

// relay logs what a program prints, line by line, a bounded part of it.
func (s *Script) relay(program string, from io.Reader, done chan<- struct{}) {
	defer close(done)
	r := bufio.NewReaderSize(from, maxLine)
	for lines := 0; ; {
		line, more, err := r.ReadLine()
		if err != nil {
			return
		}
		if text := printable(line); text != "" && lines < maxLines {
			lines++
			s.cfg.Logger.Info("a script says", "if", s.cfg.Interface, "script", program, "text", text)
		}
		for more && err == nil {
			_, more, err = r.ReadLine()
		}
	}
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
