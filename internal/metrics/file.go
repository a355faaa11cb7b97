package metrics

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// every is how often a file is written: as often as Prometheus mostly reads.
	every = 15 * time.Second
	// gap is the least time between two.
	gap = time.Second
	// mode lets node_exporter read it, which is another user.
	mode = 0o644
)

// A File is kept for the textfile collector of node_exporter. It is replaced as a
// whole, so that no reader sees half of one, and never written through a symbolic
// link.
type File struct {
	path string
	// written is what was put there last, nil for nothing yet. It is kept open, so
	// that no other file has its number.
	written *os.File
	// failed says that the last try to write it has, which was told.
	failed bool
}

// Open looks whether metrics can be kept in the file at path: its folder must be
// there, and what stands in its place must be none or an old one of ours.
func Open(path string) (*File, error) {
	dir := filepath.Dir(path)
	if st, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("the folder for metrics: %w", err)
	} else if !st.IsDir() {
		return nil, fmt.Errorf("the folder for metrics: %s is no folder", dir)
	}
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &File{path: path}, nil
	case err != nil:
		return nil, fmt.Errorf("the file for metrics: %w", err)
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("the file for metrics: %s is not a regular file", path)
	case st.Size() > 0 && !isOurs(path):
		return nil, fmt.Errorf("the file for metrics: %s has something else in it", path)
	}
	return &File{path: path}, nil
}

// isOurs says that the file begins as ours do.
func isOurs(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReader(f).ReadSlice('\n')
	return err == nil && bytes.HasPrefix(line, []byte("# HELP dhclient_go_"))
}

// Keep writes the file with what collect returns: at once, every 15 seconds, and a
// second after something has come from changed at the latest. It returns when ctx
// ends, and removes the file then, since node_exporter would go on to tell the last
// values for ever.
func (f *File) Keep(ctx context.Context, changed <-chan struct{}, collect func() []byte, log *slog.Logger) {
	defer f.remove(log)
	t := time.NewTimer(0)
	defer t.Stop()
	var last, next time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			if soon := last.Add(gap); soon.Before(next) {
				next = soon
				t.Reset(time.Until(soon))
			}
		case <-t.C:
			f.tell(f.write(collect()), log)
			last = time.Now()
			next = last.Add(every)
			t.Reset(every)
		}
	}
}

// tell says when the file begins to fail, and when that is over.
func (f *File) tell(err error, log *slog.Logger) {
	switch {
	case err != nil && !f.failed:
		log.Warn("the metrics cannot be written", "err", err)
	case err == nil && f.failed:
		log.Info("the metrics are written again", "file", f.path)
	}
	f.failed = err != nil
}

// write replaces the file. What it is until then has a name that does not end as
// node_exporter wants it, .prom, and that nobody can foresee.
func (f *File) write(text []byte) (err error) {
	t, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = t.Close()
			_ = os.Remove(t.Name())
		}
	}()
	if _, err = t.Write(text); err != nil {
		return err
	}
	if err = t.Chmod(mode); err != nil {
		return err
	}
	if err = os.Rename(t.Name(), f.path); err != nil {
		return err
	}
	f.forget()
	f.written = t
	return nil
}

// forget closes what was written last.
func (f *File) forget() {
	if f.written != nil {
		_ = f.written.Close()
		f.written = nil
	}
}

// remove removes the file, if it is ours.
func (f *File) remove(log *slog.Logger) {
	defer f.forget()
	if f.written == nil {
		return
	}
	there, err := os.Lstat(f.path)
	if err != nil {
		return
	}
	if ours, err := f.written.Stat(); err != nil || !os.SameFile(there, ours) {
		return
	}
	if err := os.Remove(f.path); err != nil {
		log.Warn("the metrics stay where they are, and become old", "err", err)
	}
}
