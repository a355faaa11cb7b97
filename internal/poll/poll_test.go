package poll_test

import (
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/poll"
)

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	p := make([]int, 2)
	if err := unix.Pipe2(p, unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

// One goroutine serves every descriptor, and none is left after the last Close.
func TestRegister(t *testing.T) {
	defer goleak.VerifyNone(t)
	const n = 50
	got := make(chan int, n)
	var regs []*poll.Registration
	var writers []int
	for i := range n {
		r, w := pipe(t)
		reg, err := poll.Register(r, func() {
			var b [8]byte
			if k, _ := unix.Read(r, b[:]); k > 0 {
				got <- i
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		regs, writers = append(regs, reg), append(writers, w)
	}
	for _, w := range writers {
		if _, err := unix.Write(w, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[int]bool{}
	for len(seen) < n {
		select {
		case i := <-got:
			seen[i] = true
		case <-time.After(5 * time.Second):
			t.Fatalf("only %d of %d descriptors were reported readable", len(seen), n)
		}
	}
	for _, r := range regs {
		r.Close()
		r.Close()
	}
}

// After Close has returned ready is never called again, whatever arrives.
func TestCloseIsFinal(t *testing.T) {
	defer goleak.VerifyNone(t)
	keep, _ := pipe(t)
	other, err := poll.Register(keep, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for range 200 {
		r, w := pipe(t)
		var closed, late atomic.Bool
		reg, err := poll.Register(r, func() {
			if closed.Load() {
				late.Store(true)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		unix.Write(w, []byte{1})
		reg.Close()
		closed.Store(true)
		unix.Write(w, []byte{1})
		if late.Load() {
			t.Fatal("ready ran after Close had returned")
		}
	}
}

func TestRegisterBadDescriptor(t *testing.T) {
	defer goleak.VerifyNone(t)
	if _, err := poll.Register(1<<20, func() {}); err == nil {
		t.Fatal("a descriptor that is not open was accepted")
	}
}

// While the poller is held nothing is read; what came meanwhile is read after, and
// who closes what is registered does not wait for that.
func TestHold(t *testing.T) {
	defer goleak.VerifyNone(t)
	release := poll.Hold()
	defer release()
	got := make(chan bool, 1)
	register := func() *poll.Registration {
		r, w := pipe(t)
		reg, err := poll.Register(r, func() {
			var b [8]byte
			if n, _ := unix.Read(r, b[:]); n > 0 {
				got <- true
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(w, []byte{1}); err != nil {
			t.Fatal(err)
		}
		return reg
	}
	reg := register()
	select {
	case <-got:
		t.Fatal("it was read")
	case <-time.After(50 * time.Millisecond):
	}
	reg.Close() // the last one: it ends the goroutine, which is held
	reg = register()
	defer reg.Close()
	release()
	release()
	select {
	case <-got:
	case <-time.After(5 * time.Second):
		t.Fatal("it was not read after the release")
	}
}
