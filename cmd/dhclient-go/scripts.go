package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// maxScripts is how many programs --script may name.
const maxScripts = 32

func addScript(o *options, s string) error {
	if len(o.hooks.Programs) == maxScripts {
		return fmt.Errorf("more than %d programs", maxScripts)
	}
	o.hooks.Programs = append(o.hooks.Programs, s)
	return notEmpty(s)
}

// setScriptEnv reads how programs are told: as JSON, beside what we do, or as
// dhclient and udhcpc tell their scripts, which configure the link.
func setScriptEnv(o *options, s string) (err error) {
	o.scriptSet = true
	o.hooks.Dialect, err = choose(s, choice[hook.Dialect]{"json", hook.JSON},
		choice[hook.Dialect]{"dhclient", hook.Dhclient}, choice[hook.Dialect]{"udhcpc", hook.Udhcpc})
	o.hooks.Configures = o.hooks.Dialect != hook.JSON
	return err
}

// maxScriptTime is the longest time for a script: an address waits for it.
const maxScriptTime = time.Hour

func setScriptTimeout(o *options, s string) (err error) {
	o.scriptSet = true
	o.hooks.Limit, err = positive(s)
	if err == nil && o.hooks.Limit > maxScriptTime {
		err = fmt.Errorf("%q is longer than the %s that a script may take", s, span(maxScriptTime))
	}
	return err
}

// checkScripts looks for what the flags of scripts cannot mean together: a
// script that configures the link does not know what we were told about it.
func (o *options) checkScripts() error {
	switch {
	case o.scriptSet && len(o.hooks.Programs) == 0:
		return &usageError{"--script", "is needed with --script-env and --script-timeout"}
	case !o.hooks.Configures:
		return nil
	case o.netns != nil:
		return &usageError{"--netns", fmt.Sprintf("contradicts --script-env %v: the script would look for the link here; use ip netns exec", o.hooks.Dialect)}
	}
	for _, c := range []struct {
		flag  string
		given bool
	}{
		{"--routes", o.netcfg.Routes != netcfg.RoutesAll},
		{"--table", o.netcfg.Table != 0},
		{"--max-routes", o.netcfg.MaxRoutes != 0},
		{"--min-mtu", o.netcfg.MinMTU != 0},
		{"--max-mtu", o.netcfg.MaxMTU != 0},
		{"--no-mtu", o.netcfg.NoMTU},
		{"--no-dns", o.noDNS},
		{"--resolv-conf", o.resolvConf != ""},
	} {
		if c.given {
			return &usageError{c.flag, fmt.Sprintf("contradicts --script-env %v: the script configures the link", o.hooks.Dialect)}
		}
	}
	return nil
}

// findScripts makes the paths of programs absolute, since they are run in the
// root directory, and says which is none that can be run.
func (o *options) findScripts() error {
	if o.dryRun {
		return nil // nothing is run
	}
	for i, path := range o.hooks.Programs {
		abs, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("make %q absolute: %w", path, err)
		}
		st, err := os.Stat(abs)
		if err != nil {
			return fmt.Errorf("--script: %w", err)
		}
		if !st.Mode().IsRegular() || st.Mode()&0o111 == 0 {
			return fmt.Errorf("--script: %s is not a file that can be executed", abs)
		}
		o.hooks.Programs[i] = abs
	}
	return nil
}

// ownHooks are the programs of --script for a link whose client is config's.
// Those that configure it are told what they are used to: the metric as Debian's
// ifupdown says it, and, those of dhclient, what was asked for.
func (o *options) ownHooks(config *client.Config) hook.Config {
	hooks := o.ownScripts()
	if hooks.Configures {
		hooks.Requested = config.Requested()
	}
	return hooks
}

// ownScripts is that without what is a link's own.
func (o *options) ownScripts() hook.Config {
	hooks := o.hooks
	if hooks.Configures && o.netcfg.Metric > 0 {
		hooks.Env = []string{"IF_METRIC=" + strconv.Itoa(o.netcfg.Metric)}
	}
	return hooks
}
