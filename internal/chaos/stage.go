package main

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// A stage is the testing.TB that package nettest and its servers want, outside
// of go test: it keeps what there is to clean up, and a failure of the harness
// itself ends the goroutine's work by a panic that act turns into an error.
type stage struct {
	testing.TB // no other method is called

	mu       sync.Mutex
	cleanups []func()
	wrong    []string
}

// A broken harness says nothing about the client.
type broken struct{ text string }

func (b broken) Error() string { return "the harness failed: " + b.text }

// act runs f, then what f has registered for cleaning up, and returns what went
// wrong with the harness.
func (s *stage) act(f func()) (err error) {
	defer func() {
		for _, what := range s.close() {
			if err == nil {
				err = broken{what}
			}
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(broken)
			if !ok {
				panic(r)
			}
			err = b
		}
	}()
	f()
	return nil
}

// close cleans up, the newest first, and returns what went wrong on the way.
func (s *stage) close() []string {
	for {
		s.mu.Lock()
		n := len(s.cleanups)
		if n == 0 {
			defer s.mu.Unlock()
			return slices.Clone(s.wrong)
		}
		f := s.cleanups[n-1]
		s.cleanups = s.cleanups[:n-1]
		s.mu.Unlock()
		f()
	}
}

func (s *stage) Helper()             {}
func (s *stage) Failed() bool        { return false }
func (s *stage) Logf(string, ...any) {}

func (s *stage) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

// Errorf notes what is wrong; the work goes on.
func (s *stage) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// Fatalf ends the work of this goroutine.
func (s *stage) Fatalf(format string, args ...any) { panic(broken{fmt.Sprintf(format, args...)}) }

// Skipf does too: what is missing is needed.
func (s *stage) Skipf(format string, args ...any) { s.Fatalf(format, args...) }

// must ends the work of this goroutine if err says so.
func (s *stage) must(doing string, err error) {
	if err != nil {
		s.Fatalf("%s: %v", doing, err)
	}
}

// TempDir makes a directory, which is in memory: the times that matter here are
// not those of the machine's disk.
func (s *stage) TempDir() string {
	dir, err := os.MkdirTemp(workDir, "")
	s.must("make a directory", err)
	s.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
