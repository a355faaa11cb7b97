package main

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/sandbox"
)

// secure has this process give up what it does not need any more, when all is
// open and before it reads what others have sent. What it is not offered by the
// kernel, or by whom it was started, it goes on without.
func (f *fleet) secure() {
	if f.o.noSandbox {
		return
	}
	if f.helper == nil && f.o.forHelper() != nil {
		f.log.Warn("there is no sandbox: this process has to run programs itself")
		return
	}
	if f.pending && f.place.isElsewhere() {
		// With CAP_SYS_ADMIN kept, for which the kernel has no finer name, it
		// would be none.
		f.log.Warn("there is no sandbox: a link that does not exist yet will be opened in another network namespace")
		return
	}
	cfg := f.sandbox()
	f.folder.Store(theFolder(f.o.leaseDir))
	report, err := sandbox.Enter(cfg)
	if err != nil {
		f.log.Error("there is no sandbox", "err", err)
		return
	}
	f.log.Debug("in a sandbox", "with", report.String())
}

// sandbox is what the process goes on to need: its sockets are open.
func (f *fleet) sandbox() sandbox.Config {
	o := f.o
	cfg := sandbox.Config{
		Keep: []int{unix.CAP_NET_ADMIN},
		// Its socket is there. What helpers and other clients keep beneath that
		// folder, of resolv.conf, they trust: it must not be forged from here.
		Remove:   []string{o.controlDir},
		ReadOnly: []string{"/proc", o.pidFile},
	}
	if f.pending {
		cfg.Ethtool = len(o.selectors) > 0
		cfg.Keep = append(cfg.Keep, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE)
		cfg.Families = []int{unix.AF_PACKET, unix.AF_NETLINK, unix.AF_INET}
		cfg.Connect = true // who has a link is asked when there is that link
	}
	if o.leaseDir != "" && !o.dryRun {
		_ = os.MkdirAll(o.leaseDir, 0o755) // that it cannot be made is said when a lease is stored
		cfg.ReadWrite = append(cfg.ReadWrite, o.leaseDir)
		if foreign(o.leaseDir) {
			cfg.Keep = append(cfg.Keep, unix.CAP_DAC_OVERRIDE)
		}
	}
	if o.metricsFile != "" {
		dir := filepath.Dir(o.metricsFile)
		cfg.ReadWrite = append(cfg.ReadWrite, dir)
		if foreign(dir) && !slices.Contains(cfg.Keep, unix.CAP_DAC_OVERRIDE) {
			cfg.Keep = append(cfg.Keep, unix.CAP_DAC_OVERRIDE)
		}
	}
	if o.pidFile != "" {
		cfg.Remove = append(cfg.Remove, filepath.Dir(o.pidFile))
	}
	if o.background != inForeground {
		cfg.ReadWrite = append(cfg.ReadWrite, os.DevNull)
	}
	if f.helper != nil && f.helper.PID() > 0 {
		cfg.Signal = []int{f.helper.PID()}
	}
	return cfg
}

// foreign says that dir can be written by this user only as root can write
// everywhere (CAP_DAC_OVERRIDE, capabilities(7)).
func foreign(dir string) bool {
	var st unix.Stat_t
	return unix.Stat(dir, &st) == nil && int(st.Uid) != os.Geteuid() && st.Mode&unix.S_IWOTH == 0
}
