package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/dhclient-go/dhclient-go/internal/daemon"
)

// background is when a command goes to the background: the process that was
// started ends then, and one that it started goes on.
type background int

const (
	// inForeground is never.
	inForeground background = iota
	// afterLease is with the first lease; without one, the command fails.
	afterLease
	// whenLate is with the first lease or, without one, after --timeout: it
	// goes on trying.
	whenLate
	// atOnce is as soon as the interfaces are open.
	atOnce
)

// isFirst says that this process has nothing to do but to start another, which
// does what o says in the background. Process 1 cannot leave that to another:
// all others end with it.
func (o *options) isFirst() bool {
	return o.background != inForeground && daemon.Inherited() == nil && os.Getpid() != 1
}

// launchSecond starts that other process and returns the exit code that is due.
func launchSecond(signals *signals, stderr io.Writer) int {
	code, err := daemon.Launch(signals.ch)
	if err != nil {
		complain(stderr, err)
	}
	return code
}

// absolutePaths has the paths that are used later mean the same in the working
// directory of a process in the background.
func (o *options) absolutePaths() error {
	if o.background == inForeground {
		return nil
	}
	paths := []*string{&o.leaseDir, &o.resolvConf, &o.pidFile, &o.controlDir, &o.metricsFile}
	if o.agent != nil {
		paths = append(paths, &o.agent.config)
	}
	for _, path := range paths {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("make %q absolute: %w", *path, err)
		}
		*path = abs
	}
	return nil
}

// A departure is the way to the background. It is nil for a process that stays
// where it is, whose methods do nothing then.
type departure struct {
	child    *daemon.Child
	o        *options
	out, err *output
	log      *slog.Logger
	aides    aides
	// stop ends the command; gone is called when it is in the background.
	stop, gone func()
	once       sync.Once
}

// prepare prepares the way to the background for a process that is meant to go
// there. The others have arrived.
func (f *fleet) prepare(signals *signals, out, errs *output) error {
	child := daemon.Inherited()
	if f.o.background == inForeground || child == nil {
		if f.o.background != inForeground {
			f.log.Warn("process 1 cannot go to the background; staying in the foreground")
		}
		f.super.speak()
		return nil
	}
	f.away = &departure{child: child, o: f.o, out: out, err: errs, log: f.log, aides: f.aides, stop: signals.cancel, gone: f.super.speak}
	return child.Watch(signals.cancel)
}

// departSoon is depart for who must not wait.
func (d *departure) departSoon() {
	if d != nil {
		go d.depart()
	}
}

// close waits for a departure that has begun; none begins after it.
func (d *departure) close() {
	if d != nil {
		d.once.Do(func() {})
	}
}

// depart goes to the background, unless that is done. What is said from then on
// is for the system log, but where it goes to a file.
func (d *departure) depart() {
	if d == nil {
		return
	}
	d.once.Do(func() {
		if d.o.aloud != nil {
			d.o.aloud.Store(true) // the system log has it all
		}
		syslog := systemLog()
		if !daemon.IsFile(2) {
			d.err.divert(syslog, outputGrace)
		}
		switch {
		case daemon.IsFile(1):
		case d.o.json:
			d.out.divert(plain{io.Discard}, outputGrace)
		default:
			d.out.divert(syslog, outputGrace)
		}
		// The helper process too, before the answer: else whoever waits for the end
		// of our output would wait for it.
		err := d.aides.LeaveStdio(true)
		if ready := d.child.Ready(true); ready != nil {
			err = ready
		}
		switch {
		case errors.Is(err, daemon.ErrAlone):
			d.stop()
			return
		case err != nil:
			d.log.Warn("not all of the foreground is left", "err", err)
		}
		d.gone()
	})
}

// waiting says that the process in the foreground still waits.
func (d *departure) waiting() bool { return d != nil && d.child.Waiting() }

// programName is what we are called.
func programName() string {
	if len(os.Args) == 0 {
		return "dhclient-go"
	}
	return filepath.Base(os.Args[0])
}

func systemLog() logSink { return logSink{daemon.NewSyslog(daemon.LogSocket, programName())} }

// newOutput is an output to w, and with the option to the system log too.
func (o *options) newOutput(w io.Writer) *output {
	out := newOutput(w)
	if o.syslog {
		out.divert(both{plain{w}, systemLog()}, 0)
	}
	return out
}

// both is two sinks, of which the first counts.
type both struct {
	sink
	too logSink
}

func (b both) put(level slog.Level, stamp, text string) error {
	err := b.sink.put(level, stamp, text)
	_ = b.too.put(level, stamp, text) // there may be no log
	return err
}

// A logSink is the system log, which has a time of its own.
type logSink struct{ *daemon.Syslog }

func (s logSink) put(level slog.Level, _, text string) error { return s.Log(level, text) }

// A pidFile is that of --pid-file; its zero value is none.
type pidFile struct {
	log  *slog.Logger
	once sync.Once
	file *daemon.PidFile
}

// write writes it. An address is worth more than that file: without it the
// command goes on.
func (p *pidFile) write(o *options, log *slog.Logger) {
	if o.pidFile == "" {
		return
	}
	p.log = log
	var err error
	if p.file, err = daemon.WritePid(o.pidFile); err != nil {
		log.Warn("no pid file is written", "err", err)
	}
}

// remove removes it, once: after that it may be another process's.
func (p *pidFile) remove() {
	p.once.Do(func() {
		if err := p.file.Remove(); err != nil {
			p.log.Warn("the pid file stays", "err", err)
		}
	})
}
