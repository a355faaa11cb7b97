package packetsocket

import (
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// maxClosers is how many sockets are closed at once, by a thread each.
const maxClosers = 64

// A closing is a descriptor to be closed, and where to tell what came of it.
type closing struct {
	fd   int
	done chan error
}

// closers close descriptors side by side. Each is a thread that ends when there is
// nothing to close any more: the runtime would keep it, and 20 KiB for it.
var closers closerPool

type closerPool struct {
	mu      sync.Mutex
	waiting []closing
	// active is how many threads there are, and most how many there were at once.
	active, most int
}

// close closes fd and returns when that is done.
func (p *closerPool) close(fd int) error {
	c := closing{fd, make(chan error, 1)}
	p.mu.Lock()
	p.waiting = append(p.waiting, c)
	if p.active < maxClosers {
		p.active++
		p.most = max(p.most, p.active)
		go p.run()
	}
	p.mu.Unlock()
	return <-c.done
}

func (p *closerPool) run() {
	runtime.LockOSThread() // which ends with the goroutine
	for c, ok := p.next(); ok; c, ok = p.next() {
		c.done <- os.NewSyscallError("close", unix.Close(c.fd))
	}
}

func (p *closerPool) next() (c closing, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.active--
		p.waiting = nil
		return c, false
	}
	c, p.waiting = p.waiting[0], p.waiting[1:]
	return c, true
}
