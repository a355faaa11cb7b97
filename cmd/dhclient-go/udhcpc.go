package main

import (
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/cmd/dhclient-go/udhcpcargs"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
)

// asUdhcpc is busybox's udhcpc.
func asUdhcpc(args []string, stdout, stderr io.Writer) int {
	signals := catchSignals()
	defer signals.stop()
	a, err := udhcpcargs.Parse(args)
	if err != nil {
		complainAs(stderr, "udhcpc", err)
		if bad, ok := err.(*udhcpcargs.Error); ok && bad.Usage {
			_, _ = io.WriteString(stderr, udhcpcargs.Usage("udhcpc"))
		}
		return udhcpcargs.ExitCode
	}
	if a.Help {
		_, _ = io.WriteString(stderr, udhcpcargs.Usage("udhcpc"))
		return exitDone
	}
	if daemon.Inherited() == nil {
		for _, w := range a.Warnings {
			_, _ = io.WriteString(stderr, "udhcpc: warning: "+oneLine(w)+"\n")
		}
	}
	return launch(udhcpcOptions(a), signals, stdout, stderr)
}

// udhcpcOptions are what its command line says, in our own terms.
func udhcpcOptions(a *udhcpcargs.Args) *options {
	o := newOptions()
	o.as, o.voice, o.exit = "udhcpc", udhcpcVoice, oneExit
	o.aloud = new(atomic.Bool)
	o.aloud.Store(true)
	o.leaseDir = "" // it keeps none
	o.links, o.pidFile, o.syslog = []string{a.Interface}, a.PidFile, a.Syslog
	o.oneshot = a.Quit
	o.serverOrFail = a.NoLeaseFails && !a.Background
	switch {
	case a.Foreground || a.Quit:
	case a.Background:
		o.background = whenLate
	default:
		o.background = afterLease
	}
	if a.ReleaseOnExit {
		o.client.OnExit = client.Release
	}
	if a.ARP {
		o.probe = min(max(a.ARPTime, 10*time.Millisecond), maxProbe)
	}
	o.client.Schedule = client.Schedule{
		Initial: max(a.Timeout, time.Second), Max: max(a.Timeout, time.Second),
		Attempts: a.Retries, Pause: max(a.TryAgain, time.Second),
	}
	o.client.Broadcast, o.client.RequestIP, o.client.ClientPort = a.Broadcast, a.RequestIP, a.Port
	o.client.RequestOptions, o.client.RequestOnly = a.Request(), true
	o.client.SendOptions = a.Send
	if _, ok := a.Send[60]; !ok {
		o.client.VendorClass = a.VendorClass
	}
	if _, ok := a.Send[61]; a.NoClientID && !ok {
		o.client.ClientID = []byte{}
	}
	script := a.Script
	if script == "" {
		script = firstFile(udhcpcargs.DefaultScripts...)
	}
	if dir, err := os.Getwd(); err == nil && script != "" && !filepath.IsAbs(script) {
		script = filepath.Join(dir, script)
	}
	hooks := scriptOf(script, hook.Udhcpc)
	// It keeps no lease over a restart, and asks for none.
	o.scriptsOf = func(string) hook.Config { return hooks }
	o.outfit = func(string, lease.LinkState, *client.Config) (*outfit, error) { return &outfit{hooks: hooks}, nil }
	return o
}
