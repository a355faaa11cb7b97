package cni

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxAnswer is the longest line of an answer, in octets.
	maxAnswer = 1 << 20
	// dialAgain is how long to wait before the next try to reach an agent that
	// is just being started again.
	dialAgain = 50 * time.Millisecond
)

// ErrUnreachable says that no agent listens.
var ErrUnreachable = errors.New("no agent listens")

// Ask asks the agent that listens at path, and waits until ctx ends. If nobody
// listens it tries again for as long as patience is; then the error is
// ErrUnreachable. What the agent refuses is an *Error.
func Ask(ctx context.Context, path string, patience time.Duration, r *Request) (*Grant, error) {
	r.Version = Version
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	conn, err := reach(ctx, path, patience)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := trusted(conn); err != nil {
		return nil, fmt.Errorf("%s is not asked: %w", path, err)
	}
	// An agent that is busy ending may have closed its end: what it says is read.
	writing := send(conn, append(line, '\n'), r.Namespace)
	line, err = readLine(conn, maxAnswer)
	var a Answer
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("the agent has not answered: %w", context.Cause(ctx))
	case err != nil:
		return nil, fmt.Errorf("the agent has gone before it has answered: %w", errors.Join(writing, err))
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return nil, fmt.Errorf("the agent's answer makes no sense: %w", err)
	}
	if a.Error != nil {
		return nil, a.Error
	}
	return a.Grant, nil
}

// send writes a line, and has a namespace go along with it.
func send(conn *net.UnixConn, line []byte, ns *Netns) error {
	if ns == nil {
		_, err := conn.Write(line)
		return err
	}
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	n, _, err := conn.WriteMsgUnix(line, unix.UnixRights(ns.fd), nil)
	if err == nil && n < len(line) {
		_, err = conn.Write(line[n:])
	}
	return err
}

// reach connects to the agent.
func reach(ctx context.Context, path string, patience time.Duration) (*net.UnixConn, error) {
	var dialer net.Dialer
	for until := time.Now().Add(patience); ; {
		conn, err := dialer.DialContext(ctx, "unix", path)
		switch {
		case err == nil:
			return conn.(*net.UnixConn), nil
		case !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		case !time.Now().Before(until):
			return nil, fmt.Errorf("%w on %s", ErrUnreachable, path)
		}
		select {
		case <-time.After(dialAgain):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w on %s: %w", ErrUnreachable, path, context.Cause(ctx))
		}
	}
}
