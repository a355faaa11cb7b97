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
}

// catchSignals takes the signals from here on. Those to stop that were ignored
// when the command was started stay ignored: nohup and shells' & rely on it.
func catchSignals() *signals {
	s := &signals{ch: make(chan os.Signal, 8), ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	// A pipe that nobody reads any more is no reason to lose a lease. To
	// ignore the signal would be inherited by programs that we run.
	signal.Notify(s.ch, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(s.ch, sig)
		}
	}
	return s
}

// notifyAll takes all signals that one process sends another. Not those of the
// terminal to processes in the background, of the kernel about a fault, and of
// the runtime to itself.
func notifyAll(ch chan<- os.Signal) {
	for n := syscall.Signal(1); n < 65; n++ {
		switch n {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGTTIN, syscall.SIGTTOU,
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
