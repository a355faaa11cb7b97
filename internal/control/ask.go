package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxAnswer is the longest line of an answer, in octets.
const maxAnswer = 1 << 20

// Asking is a request to all processes.
type Asking struct {
	// Dir is the directory of the sockets.
	Dir string
	// Request is what to ask; its Version is filled in, and where it has none
	// the Netns that the caller is in.
	Request Request
	// Patience is how long a process may be silent; 0 for ever.
	Patience time.Duration
	// Each is called for each answer, one at a time, but for the last of a
	// process. from tells the processes apart, and is worth no more.
	Each func(from int, a *Answer)
	// Ended is called when a process has ended before it has said all. It may be
	// nil.
	Ended func(from int)
}

// Do asks every process that has a socket in Dir, at the same time, and returns
// when all have said what they have to say, or ctx ends. That there is no process,
// or that one ends meanwhile, is no error. The error has one for each that could not be asked, or did not answer:
// fs.ErrPermission for those that we may not ask.
func (a Asking) Do(ctx context.Context) error {
	a.Request.Version = Version
	if a.Request.Netns == 0 {
		a.Request.Netns = Netns()
	}
	line, err := json.Marshal(a.Request)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	line = append(line, '\n')
	if _, err := os.ReadDir(a.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	paths := sockets(a.Dir)
	errs := make([]error, len(paths))
	var asking sync.WaitGroup
	var mu sync.Mutex
	for i, path := range paths {
		asking.Go(func() {
			err := a.ask(ctx, path, line, func(answer *Answer) {
				mu.Lock()
				defer mu.Unlock()
				a.Each(i, answer)
			})
			if !errors.Is(err, errEnded) {
				errs[i] = err
			} else if a.Ended != nil {
				mu.Lock()
				defer mu.Unlock()
				a.Ended(i)
			}
		})
	}
	asking.Wait()
	return errors.Join(errs...)
}

// ask asks one process, if there is one.
func (a Asking) ask(ctx context.Context, path string, line []byte, each func(*Answer)) error {
	fd, err := connect(path)
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil // it is no more
	case err != nil:
		return err
	}
	f := os.NewFile(uintptr(fd), path)
	defer func() { _ = f.Close() }()
	defer context.AfterFunc(ctx, func() { _ = f.SetDeadline(time.Now()) })()
	if err := trusted(fd, path); err != nil {
		return err
	}
	err = a.converse(f, line, each)
	switch {
	case err == nil, ctx.Err() != nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: the process does not answer", filepath.Base(path))
	}
	return fmt.Errorf("%s: %w", filepath.Base(path), err)
}

// errEnded says that the process has ended in the middle.
var errEnded = errors.New("the process has ended")

// converse sends the request and reads the answers.
func (a Asking) converse(f *os.File, line []byte, each func(*Answer)) error {
	if err := f.SetWriteDeadline(time.Now().Add(requestTime)); err != nil {
		return err
	}
	// A process that is busy may have closed its end: what it has said is read.
	_, writing := f.Write(line)
	r := bufio.NewScanner(&patientReader{f, a.Patience})
	r.Buffer(nil, maxAnswer)
	for r.Scan() {
		var answer Answer
		if err := json.Unmarshal(r.Bytes(), &answer); err != nil {
			return fmt.Errorf("the answer makes no sense: %w", err)
		}
		switch {
		case answer.Error != "":
			return errors.New(answer.Error)
		case answer.Done:
			return nil
		}
		each(&answer)
	}
	switch err := r.Err(); {
	case errors.Is(err, os.ErrDeadlineExceeded), err != nil && writing == nil:
		return err
	case writing != nil && !errors.Is(writing, unix.EPIPE): // else it was gone by then
		return writing
	}
	return errEnded
}

// trusted says nothing if the process behind fd is root's or ours: who may write
// to the directory could have put a socket there to tell us stories.
func trusted(fd int, path string) error {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return fmt.Errorf("who listens on %s: %w", path, err)
	}
	if peer.Uid != 0 && int(peer.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is a socket of user %d, who is not asked", path, peer.Uid)
	}
	return nil
}

// A patientReader waits so long for each piece.
type patientReader struct {
	f        *os.File
	patience time.Duration
}

// Read is the file's own.
func (r *patientReader) Read(b []byte) (int, error) {
	if r.patience > 0 {
		if err := r.f.SetReadDeadline(time.Now().Add(r.patience)); err != nil {
			return 0, err
		}
	}
	n, err := r.f.Read(b)
	if errors.Is(err, unix.ECONNRESET) {
		err = io.EOF // it was closed with something unread
	}
	return n, err
}
