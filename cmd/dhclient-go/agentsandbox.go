package main

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/sandbox"
)

// secureAgent is fleet.secure of an agent, which opens links as long as it runs: it
// keeps what that takes.
func (a *agency) secureAgent() {
	if a.o.noSandbox {
		return
	}
	if a.helper == nil && a.helperConfig() != nil {
		a.log.Warn("there is no sandbox: this process has to run programs itself")
		return
	}
	report, err := sandbox.Enter(a.agentSandbox())
	if err != nil {
		a.log.Error("there is no sandbox", "err", err)
		return
	}
	a.log.Debug("in a sandbox", "with", report.String())
}

// agentSandbox is what the process goes on to need.
func (a *agency) agentSandbox() sandbox.Config {
	o := a.o
	cfg := sandbox.Config{
		Keep:     []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE},
		Remove:   []string{o.controlDir},
		ReadOnly: []string{"/proc", o.pidFile},
		Ethtool:  true,
		Families: []int{unix.AF_PACKET, unix.AF_NETLINK, unix.AF_INET},
		Connect:  true, // who has a link is asked when there is that link
	}
	if a.isAnywhereElse() || a.cni != nil {
		cfg.Keep, cfg.Setns = append(cfg.Keep, unix.CAP_SYS_ADMIN), true
	}
	seen := map[string]bool{}
	for _, l := range a.linkOptions() {
		if seen[l.leaseDir] || l.leaseDir == "" {
			continue
		}
		seen[l.leaseDir] = true
		a.mayWrite(&cfg, l.leaseDir)
	}
	if a.cni != nil {
		a.mayWrite(&cfg, a.cni.dir)
		cfg.Remove = append(cfg.Remove, filepath.Dir(o.agent.cni))
	}
	if o.metricsFile != "" {
		a.mayWrite(&cfg, filepath.Dir(o.metricsFile))
	}
	if o.agent.config != "" {
		// The folder: an editor puts a new file in the place of the old one. And
		// programs that the new one names are looked at.
		cfg.ReadOnly = append(cfg.ReadOnly, filepath.Dir(o.agent.config))
		for _, l := range a.linkOptions() {
			cfg.ReadOnly = append(cfg.ReadOnly, l.hooks.Programs...)
		}
	}
	if o.pidFile != "" {
		cfg.Remove = append(cfg.Remove, filepath.Dir(o.pidFile))
	}
	if o.background != inForeground {
		cfg.ReadWrite = append(cfg.ReadWrite, os.DevNull)
	}
	if a.helper != nil && a.helper.PID() > 0 {
		cfg.Signal = []int{a.helper.PID()}
	}
	return cfg
}

// mayWrite adds a folder that is to be written to.
func (a *agency) mayWrite(cfg *sandbox.Config, dir string) {
	_ = os.MkdirAll(dir, 0o755) // that it cannot be made is said when something is written
	cfg.ReadWrite = append(cfg.ReadWrite, dir)
	if foreign(dir) {
		cfg.Keep = append(cfg.Keep, unix.CAP_DAC_OVERRIDE)
	}
}
