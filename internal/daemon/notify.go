package daemon

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	notifyEnv       = "NOTIFY_SOCKET"
	watchdogEnv     = "WATCHDOG_USEC"
	watchdogPidEnv  = "WATCHDOG_PID"
	shortestPeriod  = 20 * time.Millisecond
	longestPeriod   = 24 * time.Hour
	notifyLimit     = time.Second
	maxUnixPath     = 107 // sun_path of unix(7), less the NUL
	maxNotification = 1024
)

// A Notifier tells the service manager how the service is (sd_notify(3)). The
// methods may be called on nil, which tells nobody. It holds no descriptor.
type Notifier struct {
	socket string
	// period is how often the watchdog wants to hear of us; 0 for never.
	period time.Duration
}

// NewNotifier is the Notifier that the environment speaks of, nil for none. It
// takes the variables out of the environment: the programs that we run are not
// the service.
func NewNotifier() *Notifier {
	name, usec, pid := os.Getenv(notifyEnv), os.Getenv(watchdogEnv), os.Getenv(watchdogPidEnv)
	for _, v := range []string{notifyEnv, watchdogEnv, watchdogPidEnv} {
		_ = os.Unsetenv(v)
	}
	if !isNotifySocket(name) {
		return nil
	}
	n := &Notifier{socket: name}
	if pid == "" || pid == strconv.Itoa(os.Getpid()) {
		n.period = watchdogPeriod(usec)
	}
	return n
}

// isNotifySocket says that name is a path, or the name of an abstract socket
// with @ for its NUL. There are others, for virtual machines, that need none of
// our help.
func isNotifySocket(name string) bool {
	return len(name) > 1 && len(name) <= maxUnixPath && (name[0] == '/' || name[0] == '@')
}

// watchdogPeriod is half of the time after which the service is killed, as
// sd_watchdog_enabled(3) has it; 0 for no watchdog.
func watchdogPeriod(usec string) time.Duration {
	n, err := strconv.ParseUint(usec, 10, 63)
	if err != nil || n == 0 {
		return 0
	}
	n = min(n/2, uint64(longestPeriod/time.Microsecond))
	return max(time.Duration(n)*time.Microsecond, shortestPeriod)
}

// Ready says that the service has started. It may wait for a second.
func (n *Notifier) Ready() error { return n.send(notifyLimit, "READY=1") }

// Reloading says that the configuration is read again, until Ready
// (Type=notify-reload of systemd.service(5), which wants the time).
func (n *Notifier) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	return n.send(notifyLimit, fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}

// Status gives `systemctl status` a line. It never waits: where the manager is
// behind, the line is lost.
func (n *Notifier) Status(status string) error {
	return n.send(0, "STATUS="+cut(oneLine(status), maxNotification))
}

// Stopping says that the service ends.
func (n *Notifier) Stopping() error { return n.send(0, "STOPPING=1") }

// tellMainPid says that another process is the service from now on. We are about
// to end: there is nobody to tell an error.
func tellMainPid(pid int) {
	if name := os.Getenv(notifyEnv); isNotifySocket(name) {
		n := &Notifier{socket: name}
		_ = n.send(notifyLimit, "MAINPID="+strconv.Itoa(pid))
	}
}

// Guard tells the watchdog that the service is well, as often as it wants to
// hear and while alive returns nil, until ctx ends. Without a watchdog it
// returns at once. The context of alive ends before the next word is due.
func (n *Notifier) Guard(ctx context.Context, alive func(context.Context) error, failed func(error)) {
	if n == nil || n.period == 0 {
		return
	}
	tick := time.NewTicker(n.period)
	defer tick.Stop()
	for {
		if err := n.ask(ctx, alive); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (n *Notifier) ask(ctx context.Context, alive func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, n.period/2)
	defer cancel()
	if err := alive(ctx); err != nil {
		return err
	}
	return n.send(min(n.period/4, notifyLimit), "WATCHDOG=1")
}

// send sends one datagram, and waits for limit at most where the manager's queue
// is full.
func (n *Notifier) send(limit time.Duration, text string) error {
	if n == nil {
		return nil
	}
	if err := sendDatagram(n.socket, limit, text); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
