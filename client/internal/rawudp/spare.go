package rawudp

import (
	"sync"

	"golang.org/x/sys/unix"
)

// spare is a descriptor that the claims of a process have for where there are no
// more: it is closed for a moment, to accept a connection and hang up.
var spare spareDescriptor

type spareDescriptor struct {
	mu    sync.Mutex
	users int
	fd    int // -1 for none. It is of no namespace, which it would keep.
}

// take has one more user.
func (s *spareDescriptor) take() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		if s.fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
			return err
		}
	}
	s.users++
	return nil
}

// lend gives the descriptor up while f runs.
func (s *spareDescriptor) lend(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = unix.Close(s.fd) // that of none fails
	f()
	var err error
	if s.fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		s.fd = -1 // somebody else was faster
	}
}

// leave has one user less.
func (s *spareDescriptor) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		_ = unix.Close(s.fd)
	}
}
