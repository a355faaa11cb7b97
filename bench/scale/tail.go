package scale

import "sync"

// A tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	most int // tailSize, if it is not set
	set  bool
	end  []byte
}

const tailSize = 1000

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, b...)
	t.cut()
	return len(b), nil
}

// cut leaves what is kept.
func (t *tail) cut() {
	most := tailSize
	if t.set {
		most = t.most
	}
	if over := len(t.end) - most; over > 0 {
		t.end = append(t.end[:0], t.end[over:]...)
	}
}

// keep says how much is kept from now on.
func (t *tail) keep(most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most, t.set = most, true
	t.cut()
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
