package lease

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A Dir keeps the lease of one interface as a JSON file in a directory.
type Dir struct {
	path, name string
	timing     // replaced in tests
}

// NewDir returns the store for iface in the directory path, which is made when
// a lease is first saved. It fails if iface cannot be a file name.
func NewDir(path, iface string) (*Dir, error) {
	if iface == "" || iface == "." || iface == ".." || len(iface) > 64 || strings.ContainsAny(iface, "/\x00") {
		return nil, fmt.Errorf("lease store: %q cannot name a file", iface)
	}
	return &Dir{path: path, name: iface + ".json", timing: realTiming}, nil
}

// File is the path of the lease file.
func (d *Dir) File() string { return filepath.Join(d.path, d.name) }

// Load returns the stored lease, with Start on the time line of Now; nil if
// there is none. A file that is not ours, too large, or not a lease is an
// error: it is left as it is, and the next Save replaces it.
func (d *Dir) Load(context.Context) (*Lease, error) {
	b, err := d.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read lease file: %w", err)
	}
	l, err := d.decode(b)
	if err != nil {
		return nil, fmt.Errorf("lease file %s: %w", d.File(), err)
	}
	return l, nil
}

// read returns the file's content. Links and devices are not followed or
// opened, so that nobody who can write to the directory makes us read another
// file or wait for a pipe.
func (d *Dir) read() ([]byte, error) {
	f, err := os.OpenFile(d.File(), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", d.File())
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", d.File(), maxFile)
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// Save replaces the stored lease by l, or forgets it if l is nil. Whenever the
// process is killed, the file is the old or the new one, whole.
//
// It does not wait for the disk: a lease is stored before its address is used,
// and a busy disk takes a second to sync. What a loss of power can leave is an
// empty file, which costs an INIT-REBOOT and nothing else.
func (d *Dir) Save(_ context.Context, l *Lease) error {
	if l == nil {
		if err := os.Remove(d.File()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget lease: %w", err)
		}
		return nil
	}
	f := d.file(l)
	line, err := f.marshal()
	if err != nil {
		return fmt.Errorf("encode lease: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, line, "", "  "); err != nil {
		return fmt.Errorf("encode lease: %w", err)
	}
	b.WriteByte('\n')
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return fmt.Errorf("make lease directory: %w", err)
	}
	if err := ReplaceFile(d.File(), b.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", d.File(), bare(err))
	}
	return nil
}

// bare is err without the names of the files on the way.
func bare(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// ReplaceFile writes a file beside the one at path, with mode 0644, and renames it
// into place: who reads path finds the old content or the new one, whenever the
// process is killed. A link that somebody has put in the way is not followed.
func ReplaceFile(path string, b []byte) error {
	dir, base := filepath.Split(path)
	tmp := filepath.Join(dir, "."+base+".new")
	// What a killed process left here is in the way of O_EXCL, which is what
	// keeps us from writing through somebody's link.
	if syscall.Unlink(tmp) != syscall.ENOENT {
		if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
	}
	return err
}
