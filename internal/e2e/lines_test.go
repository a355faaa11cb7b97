package e2e_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines is what a process prints.
type lines struct {
	mu      sync.Mutex
	partial []byte
	all     []string
	news    chan struct{} // closed when there is another
}

func newLines() *lines { return &lines{news: make(chan struct{})} }

// Write takes what the process prints.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, ok := bytes.Cut(l.partial, []byte{'\n'})
		if !ok {
			break
		}
		l.all = append(l.all, string(line))
		l.partial = rest
	}
	close(l.news)
	l.news = make(chan struct{})
	return len(p), nil
}

func (l *lines) get() (all []string, news chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all), l.news
}

// wait returns the first line that matches, of all there are or will be.
func (l *lines) wait(t testing.TB, what string, match func(string) bool) string {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for seen := 0; ; {
		all, news := l.get()
		for _, line := range all[seen:] {
			if match(line) {
				return line
			}
		}
		seen = len(all)
		select {
		case <-news:
		case <-deadline.C:
			t.Fatalf("no line with %s in %v", what, patience)
		}
	}
}

// String is all lines.
func (l *lines) String() string {
	all, _ := l.get()
	return strings.Join(all, "\n")
}
