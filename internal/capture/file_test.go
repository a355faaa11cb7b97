package capture

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// put gives f n frames of a size, as a Tap does; it is how many were taken.
func put(f *File, n, size int) (good int) {
	for range n {
		f.mu.Lock()
		if f.add(packetBlock(0, &frame{octets: make([]byte, size), at: time.Now()})) {
			good++
		}
		f.mu.Unlock()
	}
	return good
}

func addLink(t *testing.T, f *File) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.add(interfaceBlock("eth0")) {
		t.Fatal("no room for a link")
	}
}

// The file is for its owner alone, and none that is there is written over, nor
// what a link leads to.
func TestCreate_MakesAFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "trace.pcapng")
	create(t, Config{Path: path})
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{path: "exists", link: "exists", filepath.Join(dir, "no/such"): "no such file"} {
		if _, err := Create(Config{Path: name}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := os.Lstat(target); !os.IsNotExist(err) {
		t.Errorf("the link's target: %v", err)
	}
}

// A disk that has no room for the head is an error at once.
func TestCreate_TellsOfAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if _, err := Create(Config{Writer: full}); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("%v", err)
	}
}

// A disk that becomes full ends the capture with one line; what is in the file
// can be read.
func TestFile_DiskBecomesFull(t *testing.T) {
	path := filepath.Join(mountSmall(t, 4), "trace.pcapng")
	var log syncBuffer
	f := create(t, Config{Path: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	addLink(t, f)
	for end := time.Now().Add(patience); !strings.Contains(log.String(), "has ended"); time.Sleep(time.Millisecond) {
		put(f, 1, 1000)
		if time.Now().After(end) {
			t.Fatal("nothing is told of a full disk")
		}
	}
	if n := put(f, 10, 1000); n != 0 {
		t.Errorf("%d frames are taken after the end", n)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "no space left") || !strings.Contains(text, path) {
		t.Errorf("log:\n%s", text)
	}
	if n := len(readTrace(t, path).packets); n < 3 || n > 16 {
		t.Errorf("%d packets of 1000 octets in 4 pages", n)
	}
}

// A file has a greatest length, which is told once.
func TestFile_HasAGreatestLength(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.pcapng")
	var log syncBuffer
	f := create(t, Config{Path: path, Limit: 5000, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	addLink(t, f)
	if n := put(f, 10, 1000); n != 4 {
		t.Errorf("%d frames are taken", n)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "greatest length") {
		t.Errorf("log:\n%s", text)
	}
	st, err := os.Stat(path)
	if n := len(readTrace(t, path).packets); err != nil || n != 4 || st.Size() > 5000 {
		t.Errorf("%d packets, %d octets, %v", n, st.Size(), err)
	}
}

// Who does not read the output stops nobody: frames are left away, and the end
// does not wait for ever.
func TestFile_NobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f := create(t, Config{Writer: w})
	began := time.Now()
	const size = 60000
	if n := put(f, 200, size); n == 200 || n < maxPending/size-1 {
		t.Errorf("%d frames are taken", n)
	}
	if err := f.Close(); err == nil || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("%v", err)
	}
	if d := time.Since(began); d > patience {
		t.Errorf("it took %v", d)
	}
	r.Close() // lets the writer go
	<-f.done
	w.Close()
}
