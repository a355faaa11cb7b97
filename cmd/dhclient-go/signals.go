package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals are what a person, a script or an init system says to the command:
// TERM, INT and HUP stop it, USR1 renews, USR2 releases.
type signals struct {
	// ctx ends with the first signal to stop.
	ctx    context.Context
	cancel context.CancelFunc
	ch     chan os.Signal
	// ended is closed when nobody wants signals any more.
	ended chan struct{}
	// all has every signal be taken that another process may send.
	all, taken bool
}

// catchSignals takes the signals from here on.
func catchSignals() *signals {
	s := newSignals()
	s.take()
	return s
}

// newSignals takes no signals yet: until take they do to the process what they
// do to any.
func newSignals() *signals {
	s := &signals{ch: make(chan os.Signal, 64), ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// tellsAtOnce says that others hear of the client's first steps: what they answer
// to that with a signal counts.
func (o *options) tellsAtOnce() bool { return o.verbosity > 0 || o.trace || o.json || o.pcap != "" }

// take takes the signals, if that is not done. Those to stop that were ignored
// when the command was started stay ignored: nohup and shells' & rely on it.
func (s *signals) take() {
	if s.taken {
		return
	}
	s.taken = true
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if s.all || !signal.Ignored(sig) {
			signal.Notify(s.ch, sig)
		}
	}
	if s.all {
		notifyAll(s.ch)
	}
	// A pipe that nobody reads any more is no reason to lose a lease. To
	// ignore the signal would be inherited by programs that we run.
	signal.Notify(s.ch, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2)
}

// notifyAll takes all signals that one process sends another. Not those of the
// terminal to processes in the background, of the kernel about a fault, and of
// the runtime to itself; and not USR2, which is taken with the last.
func notifyAll(ch chan<- os.Signal) {
	for n := syscall.Signal(1); n < 65; n++ {
		switch n {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGUSR2,
			syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGABRT, 32, 33, 34:
		default:
			signal.Notify(ch, n)
		}
	}
}

// deliver hands each signal to f until stop.
func (s *signals) deliver(f func(syscall.Signal)) {
	for {
		select {
		case <-s.ended:
			return
		case sig := <-s.ch:
			if sig != syscall.SIGPIPE { // it was ours
				f(sig.(syscall.Signal))
			}
		}
	}
}

// A reloader is who reads its configuration again on SIGHUP, which ends others.
type reloader interface{ reload() }

// serve hands signals to f until stop. A second one to stop ends the process at
// once.
func (s *signals) serve(f interface {
	renew()
	release()
}) {
	for {
		select {
		case <-s.ended:
			return
		case sig := <-s.ch:
			switch sig {
			case syscall.SIGPIPE:
			case syscall.SIGUSR1:
				f.renew()
			case syscall.SIGUSR2:
				f.release()
			default:
				if r, ok := f.(reloader); ok && sig == syscall.SIGHUP {
					r.reload()
					continue
				}
				s.interrupt(sig.(syscall.Signal))
			}
		}
	}
}

func (s *signals) interrupt(sig syscall.Signal) {
	if s.ctx.Err() == nil {
		s.cancel()
		return
	}
	signal.Reset(sig)
	// To die of it tells the parent why.
	_ = syscall.Kill(syscall.Getpid(), sig)
}

func (s *signals) stop() {
	signal.Stop(s.ch)
	s.cancel()
	close(s.ended)
}
