// Command dhclient-go gets IPv4 addresses by DHCP and keeps them.
//
// main.go reads as the command runs, and commands.go has what it can be called
// as. The client:
//
//   - flags.go and args.go have the flags, config.go what their values mean, and
//     policy.go those that say what a server may do;
//   - muster.go finds the interfaces that selectors (selector.go) mean, and
//     fleet.go runs one client for each, which link.go puts together
//     and aides.go gives the helper process;
//   - report.go, reportjson.go and log.go have what it says, trace.go the ladder
//     and the capture, tally.go the counts, exit.go how it ends;
//   - background.go has the way to the background, supervisor.go the word to
//     systemd, control.go and story.go what commands are told.
//
// The agent: agentcommand.go has its flags and agentconfig.go its file, agentrun.go
// the process, agentplan.go how package agent has it put a link together, with the
// client's link.go; agentcontrol.go and statustable.go have what commands are told.
//
// The commands beside it: controlcommands.go has what they share, and a file
// each (actcommand.go for renew, rebind, release and stop) the rest;
// statusview.go and linkstatus.go draw.
//
// The other names: guise.go has what they share, dhclient.go and udhcpc.go make
// options of what dhclientargs and udhcpcargs have read, voice.go has their words.
//
// generate*.go make the manual page and the completions, with a build tag.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	_ "github.com/dhclient-go/dhclient-go/cmd/dhclient-go/oneproc"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/internal/poll"
)

func main() {
	helper.Main()
	child := daemon.Inherited() // before any other program can see its mark
	code := dispatch(os.Args, os.Stdout, os.Stderr)
	child.End(code)
	os.Exit(code)
}

// dispatch runs what the program is called as, or else the command that its
// first argument names; without one it is the client. What it returns is the
// exit code.
func dispatch(argv []string, stdout, stderr io.Writer) int {
	if len(argv) == 0 {
		argv = []string{"dhclient-go"} // execve(2) allows it
	}
	name, args := filepath.Base(argv[0]), argv[1:]
	if guise := guises[name]; guise != nil {
		return guise(args, stdout, stderr)
	}
	if len(args) > 0 {
		if c := findCommand(args[0]); c != nil {
			return c.run(args[1:], stdout, stderr)
		}
	}
	return run(args, stdout, stderr)
}

// run is the client under its own name.
func run(args []string, stdout, stderr io.Writer) int {
	signals := newSignals()
	defer signals.stop()
	o, err := parse(args)
	switch {
	case err != nil:
		complain(stderr, err)
		return exitCode(err)
	case o.help:
		printHelp(stdout)
		return exitDone
	case o.version:
		fmt.Fprintln(stdout, versionLine())
		return exitDone
	}
	return launch(o, signals, stdout, stderr)
}

// launch does what o says and returns the exit code.
func launch(o *options, signals *signals, stdout, stderr io.Writer) int {
	if o.background != inForeground {
		signals.take() // there are two processes, and one hands them to the other
	}
	if o.isFirst() {
		return launchSecond(signals, stderr)
	}
	log := o.newOutput(stderr)
	out := log // other clients say everything there
	if o.voice == nil && (o.charge == nil || o.json) {
		out = o.newOutput(stdout)
	}
	err := o.serves()(o, signals, out, log)
	if out != log {
		if lost := out.close(outputGrace); lost != nil && o.dryRun && err == nil {
			// What it was to print is all that a dry run is for.
			err = fmt.Errorf("standard output: %w", lost)
		}
	}
	if err != nil {
		complainAs(log, o.as, err)
	}
	_ = log.close(outputGrace)
	if o.exit != nil {
		return o.exit(err)
	}
	return exitCode(err)
}

// attendDelay is how long signals are left alone when the first messages have left.
// While they are taken no packet is read, and a server on the same network needs
// less.
const attendDelay = time.Millisecond

// serves is what runs the clients that o wants.
func (o *options) serves() func(*options, *signals, *output, *output) error {
	if o.agent != nil {
		return serveAgent
	}
	return serve
}

// serve runs a client for each of the links that o names.
func serve(o *options, signals *signals, out, errs *output) error {
	log := newLogger(o, errs)
	daemon.CloseOnExec()
	if err := o.absolutePaths(); err != nil {
		return err
	}
	if err := o.findScripts(); err != nil {
		return err
	}
	if text := o.cloneWarning(); text != "" {
		log.Warn(text)
	}
	if err := checkCapabilities(o); err != nil && !o.charge.anyway() {
		return err
	}
	if err := o.charge.prepare(); err != nil {
		return err
	}
	f, err := newFleet(signals.ctx, o, out, log)
	if err != nil {
		return err
	}
	defer f.close()
	f.attend = sync.OnceFunc(func() {
		signals.take()
		go o.charge.serve(signals, f)
	})
	if f.super != nil || o.tellsAtOnce() {
		f.attend()
	}
	if err := f.startHelper(); err != nil {
		return err
	}
	if err := f.muster(); err != nil {
		return err
	}
	if err := f.openAll(); err != nil {
		return err
	}
	// Not before the links are ours: another client may have the same file.
	if !f.none {
		f.pid.write(o, log)
		defer f.pid.remove()
	}
	defer context.AfterFunc(signals.ctx, f.super.stopping)()
	if err := f.prepare(signals, out, errs); err != nil {
		return err
	}
	// The first messages leave, and what others send waits until the sandbox is
	// there.
	release := poll.Hold()
	defer release()
	f.stop = o.charge.stopOf(signals)
	return f.run(signals.ctx, func() {
		f.executeHelper()
		f.listen()
		f.secure()
		f.keepMetrics(f.ownReport)
		release()
		time.AfterFunc(attendDelay, f.attend)
	})
}

// complain writes each error that err is made of on a line of its own.
func complain(w io.Writer, err error) { complainAs(w, "dhclient-go", err) }

// complainAs is complain of a program that is called something else.
func complainAs(w io.Writer, name string, err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range many.Unwrap() {
			complainAs(w, name, err)
		}
		return
	}
	text := oneLine(err.Error()) + hint(err)
	if name == "dhclient-go" { // a program of another name has no commands
		text += misspelt(err)
	}
	fmt.Fprintf(w, "%s: %s\n", name, text)
}

// version is set by the linker (-X main.version=...).
var version string

// versionNumber is the version alone.
func versionNumber() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = info.Main.Version
	}
	return cmp.Or(v, "(devel)")
}

// versionLine is what --version prints.
func versionLine() string {
	return fmt.Sprintf("dhclient-go %s %s", versionNumber(), runtime.Version())
}
