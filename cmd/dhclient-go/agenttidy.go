package main

import (
	"runtime/debug"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

const (
	// tidyAfter is how long it has to be quiet, and tidyLeast how much has to have
	// happened, until memory is given back.
	tidyAfter = 2 * time.Second
	tidyLeast = 16
)

// A tidier gives the memory back that many links have needed for a moment: the
// runtime keeps as much garbage as there is in use, and returns a part of it in
// minutes.
type tidier struct {
	mu    sync.Mutex
	count int
	timer *time.Timer
}

// event notes that something has happened.
func (t *tidier) event(ev client.Event) {
	switch ev.(type) {
	case client.Bound, client.Stopped:
	default:
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count++; t.count < tidyLeast {
		return
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(tidyAfter, t.tidy)
		return
	}
	t.timer.Reset(tidyAfter)
}

func (t *tidier) tidy() {
	t.mu.Lock()
	t.count = 0
	t.mu.Unlock()
	debug.FreeOSMemory()
}

// close ends it.
func (t *tidier) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
}
