package netcfg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The kinds of content.
const (
	kindNone = "none" // there is no file
	kindFile = "file"
	kindLink = "link" // a symbolic link that cannot be written through
)

// A content is what stands at the path of resolv.conf.
type content struct {
	Kind string      `json:"kind"`
	Text []byte      `json:"text,omitempty"` // of a file, or where a link leads
	Mode os.FileMode `json:"mode,omitempty"` // of a file
}

// maxOptions is how much of the administrator's options is kept in force: with
// what else we write it stays below maxFile.
const maxOptions = 1024

// is says that c is d, or d with the empty lines behind it that a client leaves
// which dies while it writes in place (filledUp).
func (c content) is(d content) bool {
	if c.Kind != d.Kind || c.Kind != kindFile {
		return c.equal(d)
	}
	rest, found := bytes.CutPrefix(c.Text, d.Text)
	return found && len(bytes.Trim(rest, "\n")) == 0
}

func (c content) equal(d content) bool {
	return c.Kind == d.Kind && bytes.Equal(c.Text, d.Text)
}

// readContent reads what is at path, through links unless they lead where we
// must not write.
func readContent(path string) (content, error) {
	target, to := follow(path)
	if to != toFile {
		link, err := os.Readlink(path)
		if err != nil {
			return content{}, fmt.Errorf("read link %s: %w", path, err)
		}
		return content{Kind: kindLink, Text: []byte(link)}, nil
	}
	b, err := readLimited(target)
	if errors.Is(err, os.ErrNotExist) {
		return content{Kind: kindNone}, nil
	}
	if err != nil {
		return content{}, fmt.Errorf("read %s: %w", path, err)
	}
	mode := os.FileMode(0o644)
	if st, err := os.Stat(target); err == nil {
		mode = st.Mode().Perm()
	}
	return content{Kind: kindFile, Text: b, Mode: mode}, nil
}

// A goal is what a path leads to.
type goal uint8

const (
	toFile     goal = iota // a file, or where one can be made
	toNothing              // a directory that does not exist, or a circle
	toResolved             // what systemd-resolved writes
)

// follow is the file that path leads to. Where that is not one to write, it is
// path itself, for then only the link can be replaced.
func follow(path string) (target string, to goal) {
	target = path
	if abs, err := filepath.Abs(path); err == nil {
		target = abs
	}
	for i := range 40 { // as many as the kernel follows (path_resolution(7))
		target = realDir(target)
		if ofResolved(target) {
			return path, toResolved
		}
		link, err := os.Readlink(target)
		if err != nil { // not a link, or nothing there yet
			if _, err := os.Stat(filepath.Dir(target)); err != nil && i > 0 {
				return path, toNothing
			}
			return target, toFile
		}
		if !filepath.IsAbs(link) {
			link = filepath.Dir(target) + "/" + link // not cleaned: x/.. may lead elsewhere
		}
		target = link
	}
	return path, toNothing
}

// realDir is path without links in its directory.
func realDir(path string) string {
	dir, base := filepath.Split(path)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return filepath.Join(real, base)
	}
	return filepath.Clean(path)
}

// ofResolved says that a file is in the directory of systemd-resolved.
func ofResolved(path string) bool {
	return strings.HasPrefix(path, resolvedRun+"/") || strings.HasPrefix(path, realDir(resolvedRun)+"/")
}

func (c content) mode() os.FileMode {
	if c.Kind == kindFile {
		return c.Mode
	}
	return 0o644
}

// options are the lines of a file that set options of the C library.
func (c content) options() string {
	var b strings.Builder
	if c.Kind != kindFile {
		return ""
	}
	for line := range strings.Lines(string(c.Text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "options" && b.Len()+len(line) < maxOptions {
			b.WriteString(strings.Join(f, " ") + "\n")
		}
	}
	return b.String()
}

// write puts the content back at path.
func (c content) write(path string) error {
	switch c.Kind {
	case kindFile:
		return writeText(path, c.Text, c.Mode)
	case kindLink:
		tmp := temporary(path)
		_ = os.Remove(tmp) // of a client that died
		if err := os.Symlink(string(c.Text), tmp); err != nil {
			return fmt.Errorf("restore %s: %w", path, err)
		}
		if err := os.Rename(tmp, path); err != nil {
			return fmt.Errorf("restore %s: %w", path, err)
		}
		return nil
	}
	target, _ := follow(path)
	if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restore %s: %w", path, err)
	}
	return nil
}

// bare is err without the name of the file, which is said once.
func bare(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// writeText makes path, or the file that it leads to, hold text. It is replaced
// as a whole or, where it cannot be because it is a mount point or its
// directory is not ours to change, written in place.
func writeText(path string, text []byte, mode os.FileMode) error {
	target, _ := follow(path)
	var st unix.Statx_t
	if !mounted(target, &st) {
		err := replace(target, text, mode)
		if err == nil {
			return nil
		}
		if !inPlaceHelps(err) {
			return fmt.Errorf("write %s: %w", path, bare(err))
		}
	}
	if err := overwrite(target, text); err != nil {
		return fmt.Errorf("write %s: %w", path, bare(err))
	}
	return nil
}

func inPlaceHelps(err error) bool {
	for _, e := range []error{unix.EBUSY, unix.EROFS, unix.EACCES, unix.EPERM, unix.EXDEV} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// mounted says that path is a file that is mounted there, as container engines
// do. Before Linux 5.8 the kernel does not say; then the rename fails.
func mounted(path string, st *unix.Statx_t) bool {
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_SYNC_AS_STAT, unix.STATX_INO, st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// temporary is a name beside path. There is one writer at a time.
func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".dhclient-go")
}

// replace makes a new file and renames it to path: whoever reads it has the old
// or the new, also after a crash.
func replace(path string, text []byte, mode os.FileMode) (err error) {
	tmp := temporary(path)
	_ = os.Remove(tmp) // of a client that died
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp)
		}
	}()
	err = errors.Join(keepOwner(f, path), writeSynced(f, text, mode), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// keepOwner gives f the owner of the file at path, if there is one.
func keepOwner(f *os.File, path string) error {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return nil
	}
	if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, unix.EPERM) {
		return err
	}
	return nil
}

func writeSynced(f *os.File, text []byte, mode os.FileMode) error {
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Sync()
}

// syncDir makes a rename last. A file system that cannot is not our concern.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

// overwrite writes path in place: with one write, and what is too much is cut
// off after that.
func overwrite(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(filledUp(text, st.Size()), 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return err
	}
	return f.Sync()
}

// filledUp is text with empty lines up to size: dying between the write and the
// cut leaves no part of a longer old text.
func filledUp(text []byte, size int64) []byte {
	missing := size - int64(len(text))
	if missing <= 0 || missing > maxStateFile {
		return text
	}
	return append(bytes.Clone(text), bytes.Repeat([]byte("\n"), int(missing))...)
}

func readLimited(path string) ([]byte, error) {
	// O_NONBLOCK: a FIFO must not stop us.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxStateFile+1))
	if err == nil && len(b) > maxStateFile {
		return nil, fmt.Errorf("%s is longer than %d octets", path, maxStateFile)
	}
	return b, err
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return replace(path, b, 0o644)
}
