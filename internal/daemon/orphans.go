package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// BuryOrphans makes this process the parent of every process below it that loses
// its own, as process 1 is by nature (PR_SET_CHILD_SUBREAPER, Linux 3.4), and
// waits for all children as they end, until stop is called: else they would stay
// as zombies. Who has started a child learns of its end through buried, and must
// not wait for it.
func BuryOrphans(buried func(pid int, status syscall.WaitStatus)) (stop func(), err error) {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("adopt orphans: %w", err)
		}
	}
	ended, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(ended, syscall.SIGCHLD)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			buryAll(buried)
			select {
			case <-ended:
			case <-done:
				buryAll(buried)
				return
			}
		}
	})
	var once sync.Once
	return func() {
		once.Do(func() {
			signal.Stop(ended)
			close(done)
			running.Wait()
		})
	}, nil
}

// buryAll waits for the children that have ended.
func buryAll(buried func(pid int, status syscall.WaitStatus)) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || pid <= 0:
			return // no children, or none that has ended
		default:
			buried(pid, status)
		}
	}
}
