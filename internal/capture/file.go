package capture

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Config says what is written where.
type Config struct {
	// Path is the file, which must not exist: it is made for its owner alone,
	// since addresses and names of a network are in it. Empty takes Writer.
	Path string
	// Writer gets the file's octets where there is no Path: a standard output.
	Writer io.Writer
	// Ports are UDP ports beside 67 and 68, maxPorts at most.
	Ports []uint16
	// Limit is how long the file may become, in octets; 0 is DefaultLimit.
	Limit int64
	// Program is the name and version that the file tells; may be empty.
	Program string
	// Logger gets a line when the capture ends before Close. Nil logs nothing.
	Logger *slog.Logger
}

const (
	// DefaultLimit is some millions of frames.
	DefaultLimit = 1 << 30
	// maxPending is what may wait for a disk, or for who reads the output.
	maxPending = 4 << 20
	maxPorts   = 8
	// closeGrace is how long the last frames may take to be written.
	closeGrace = 500 * time.Millisecond
)

// A File is a capture of one link or more. Its methods may be called by any
// goroutine.
type File struct {
	cfg  Config
	out  io.Writer
	file *os.File // what out is, if there is a Path
	// wake tells the writer that there is something; done is closed at its end.
	wake chan struct{}
	done chan struct{}
	// written is what out has, and failed that it takes no more. They are the
	// writer's.
	written int64
	failed  bool

	mu      sync.Mutex
	pending []byte // whole blocks
	size    int64  // of the file, with pending
	ended   bool   // nothing is added any more
	why     error  // what ended it, until it is told
	closed  bool
	taps    []*Tap
	read    reader
}

// errLimit is why a capture ends that is long enough.
var errLimit = errors.New("it has reached its greatest length")

// Create makes the file and writes its head. The error is for a person: that it
// exists, that it cannot be made or written.
func Create(cfg Config) (*File, error) {
	if len(cfg.Ports) > maxPorts {
		return nil, fmt.Errorf("capture: %d ports are more than %d", len(cfg.Ports), maxPorts)
	}
	f := &File{cfg: cfg, out: cfg.Writer, wake: make(chan struct{}, 1), done: make(chan struct{})}
	f.cfg.Limit = cmp.Or(cfg.Limit, DefaultLimit)
	f.cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if cfg.Path != "" {
		var err error
		// O_EXCL follows no link either: /tmp is open to everybody.
		f.file, err = os.OpenFile(cfg.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("capture: %s exists, and is not written over", cfg.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("capture: %w", err)
		}
		f.out = f.file
	}
	head := sectionHeader(cfg.Program)
	if _, err := f.out.Write(head); err != nil {
		if f.file != nil {
			_ = f.file.Close()
		}
		return nil, fmt.Errorf("capture: %w", err)
	}
	f.written, f.size = int64(len(head)), int64(len(head))
	go f.write()
	return f, nil
}

// add takes a block; false says that there is no room for it just now, or that
// the capture has ended. mu is held.
func (f *File) add(block []byte) bool {
	switch {
	case f.ended || len(f.pending)+len(block) > maxPending:
		return false
	case f.size+int64(len(block)) > f.cfg.Limit:
		f.end(errLimit)
		return false
	}
	f.pending = append(f.pending, block...)
	f.size += int64(len(block))
	f.hurry()
	return true
}

// hurry wakes the writer; mu is held.
func (f *File) hurry() {
	if f.closed {
		return
	}
	select {
	case f.wake <- struct{}{}:
	default: // it has been told
	}
}

// end says why the capture ends, and lets nothing in any more; mu is held.
func (f *File) end(err error) {
	if f.ended {
		return
	}
	f.ended, f.why = true, err
	for _, t := range f.taps {
		_ = t.conn.SetBPF(dropAll) // what comes all the same is not taken
	}
	f.hurry()
}

// tell says once why the capture has ended, if it has. It is called without the
// lock, since a logger may take its time.
func (f *File) tell() {
	f.mu.Lock()
	why := f.why
	f.why = nil
	f.mu.Unlock()
	if why != nil {
		f.cfg.Logger.Warn("the capture has ended", "file", cmp.Or(f.cfg.Path, "standard output"), "err", why)
	}
}

// write writes what is pending whenever there is some, until wake is closed.
func (f *File) write() {
	defer close(f.done)
	var spare []byte
	for open := true; open; {
		_, open = <-f.wake
		f.mu.Lock()
		blocks := f.pending
		f.pending = spare[:0]
		f.mu.Unlock()
		if err := f.put(blocks); err != nil {
			f.mu.Lock()
			f.end(err)
			f.mu.Unlock()
		}
		f.tell()
		if spare = blocks; cap(spare) > maxSpare {
			spare = nil
		}
	}
}

// maxSpare is the largest buffer that is kept for later.
const maxSpare = 64 << 10

// put writes whole blocks. If that fails, no part of one stays in the file.
func (f *File) put(blocks []byte) error {
	if len(blocks) == 0 || f.failed {
		return nil
	}
	n, err := f.out.Write(blocks)
	if err == nil {
		f.written += int64(n)
		return nil
	}
	f.failed = true
	if f.file != nil {
		f.written += int64(wholeBlocks(blocks[:n]))
		_ = f.file.Truncate(f.written)
	}
	return err
}

// Close ends the capture: what has come is written, with what was lost of each
// link. Links that are still open are closed. Closing twice is harmless.
func (f *File) Close() error {
	f.mu.Lock()
	taps := f.taps
	f.mu.Unlock()
	for _, t := range taps {
		t.Close()
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	for _, t := range taps {
		f.add(t.statistics())
	}
	f.ended, f.closed = true, true
	close(f.wake)
	f.mu.Unlock()
	limit := time.NewTimer(closeGrace)
	defer limit.Stop()
	select {
	case <-f.done:
	case <-limit.C:
		// It hangs in the kernel: to close the file would, too.
		return errors.New("capture: the last frames cannot be written: the disk, or who reads, is too slow")
	}
	if f.file == nil {
		return nil
	}
	if err := f.file.Close(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}
