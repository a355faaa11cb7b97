package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// serve reads a request and has it answered.
func (s *Server) serve(f *os.File) {
	w := &Writer{f: f, limit: answerTime}
	line, err := readRequest(f)
	var r *Request
	if err == nil {
		r, err = parse(line)
	}
	if err == nil {
		err = s.handle(f, r, w)
	}
	last := Answer{Done: true}
	if err != nil {
		last = Answer{Error: err.Error()}
	}
	w.write(&last)
}

// handle answers r until the peer goes.
func (s *Server) handle(f *os.File, r *Request, w *Writer) error {
	ctx, cancel := context.WithCancel(s.ctx)
	var watching sync.WaitGroup
	defer func() {
		cancel()
		_ = f.SetReadDeadline(time.Now())
		watching.Wait()
	}()
	w.gone = cancel
	if err := f.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("limit: %w", err)
	}
	watching.Go(func() {
		// Whatever comes, the end or more, the peer has had its turn.
		_, _ = f.Read(make([]byte, 1))
		cancel()
	})
	return s.cfg.Handle(ctx, r, w)
}

// readRequest reads a line.
func readRequest(f *os.File) ([]byte, error) {
	if err := f.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return nil, fmt.Errorf("limit: %w", err)
	}
	line := make([]byte, 0, 512)
	for {
		if len(line) == maxRequest {
			return nil, fmt.Errorf("the request has more than %d octets", maxRequest)
		}
		line = slices.Grow(line, 1)
		n, err := f.Read(line[len(line):min(cap(line), maxRequest)])
		line = line[:len(line)+n]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			return line[:end], nil
		}
		if err != nil {
			return nil, fmt.Errorf("the request has no end: %w", err)
		}
	}
}

// A Writer takes what there is to say. It has one user at a time.
type Writer struct {
	f     *os.File
	limit time.Duration
	gone  func()
	err   error
}

// Link says how a link is; v is encoded as JSON. The error says that nobody
// listens any more.
func (w *Writer) Link(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a link: %w", err)
	}
	return w.write(&Answer{Link: b})
}

// Event says what has happened; v is encoded as JSON. Before it, dropped events
// are said to be missing, if that is not 0; v may be nil then.
func (w *Writer) Event(v any, dropped uint64) error {
	if dropped > 0 {
		if err := w.write(&Answer{Dropped: dropped}); err != nil {
			return err
		}
	}
	if v == nil {
		return w.err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return w.write(&Answer{Event: b})
}

// Patient has it wait for a reader as long as there is one.
func (w *Writer) Patient() { w.limit = 0 }

func (w *Writer) write(a *Answer) error {
	if w.err != nil {
		return w.err
	}
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	var until time.Time
	if w.limit > 0 {
		until = time.Now().Add(w.limit)
	}
	if w.err = w.f.SetWriteDeadline(until); w.err == nil {
		_, w.err = w.f.Write(append(b, '\n'))
	}
	if w.err != nil && w.gone != nil {
		w.gone()
	}
	return w.err
}
