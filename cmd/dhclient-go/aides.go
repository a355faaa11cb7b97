package main

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// aides do what runs programs, and what writes files of the whole host: a helper
// process, or this one.
type aides interface {
	Resolver(netcfg.ResolverConfig) (client.Configurator, error)
	Hostname(link string, cfg netcfg.HostnameConfig) (client.Configurator, error)
	Script(hook.Config) (helper.Script, error)
	// LeaveStdio has them leave standard input, output and error.
	LeaveStdio(keepFiles bool) error
}

// helperGrace is how long the helper process may take to end: as long as scripts
// have for that, and a little.
const helperGrace = 20 * time.Second

// startHelper starts the second process, if there is anything for it to do: this
// one executes nothing then, so that it can give up the right to. Without one all
// is done here, but for the program of init: an address is worth more than a
// sandbox.
func (f *fleet) startHelper() error {
	cfg := f.o.forHelper()
	if cfg == nil {
		return nil
	}
	h, err := helper.Prepare(*cfg, f.log)
	switch {
	case err != nil && cfg.Program != nil:
		return err
	case err != nil:
		f.log.Warn("scripts and the resolver are this process's own", "err", err)
		return nil
	}
	f.helper = h
	if !f.o.noSandbox || cfg.Program != nil {
		f.aides = h
	}
	if len(cfg.Scripts) > 0 {
		f.executeHelper() // they have the link before there is anything to send
	}
	return nil
}

// executeHelper executes it, if that is not done. Else it is when the first
// messages have left: nothing before a lease needs it.
func (f *fleet) executeHelper() {
	if f.helper == nil {
		return
	}
	if err := f.helper.Execute(); err != nil && f.complained.CompareAndSwap(false, true) {
		f.log.Error("the resolver, scripts and programs are not served", "err", err)
	}
}

// stopHelper ends it, when what it does is done, or soon.
func (f *fleet) stopHelper() {
	if f.helper != nil {
		f.helper.Close(helperGrace)
	}
}

// forHelper is all that a helper process may have to do; nil for nothing.
func (o *options) forHelper() *helper.Config {
	cfg := &helper.Config{}
	if o.charge != nil {
		cfg.Program = &o.charge.program
	}
	if !o.dryRun && (!o.noSandbox || o.charge != nil) {
		// Beside init nobody else may wait for a child (daemon.BuryOrphans).
		o.forAides(cfg)
	}
	if cfg.Program == nil && cfg.Resolver == nil && cfg.Hostname == nil && len(cfg.Scripts) == 0 {
		return nil
	}
	return cfg
}

// forAides adds what aides do.
func (o *options) forAides(cfg *helper.Config) {
	cfg.Hostname = o.nameHost
	resolver := false
	for _, name := range o.links {
		hooks := o.ownScripts()
		if o.scriptsOf != nil {
			hooks = o.scriptsOf(name)
		}
		if len(hooks.Programs) > 0 {
			cfg.Scripts = append(cfg.Scripts, hooks)
		}
		resolver = resolver || !hooks.Configures
	}
	if resolver && !o.noDNS {
		cfg.Resolver = &netcfg.ResolverConfig{Path: o.resolvConf}
	}
}

// ourselves are aides in this process.
type ourselves struct{}

// Resolver is netcfg.NewResolver.
func (ourselves) Resolver(cfg netcfg.ResolverConfig) (client.Configurator, error) {
	return netcfg.NewResolver(cfg)
}

// Hostname is netcfg.NewHostname.
func (ourselves) Hostname(_ string, cfg netcfg.HostnameConfig) (client.Configurator, error) {
	return netcfg.NewHostname(cfg), nil
}

// Script is hook.New.
func (ourselves) Script(cfg hook.Config) (helper.Script, error) {
	s, err := hook.New(cfg)
	if err != nil {
		return nil, err // and no interface that holds a nil
	}
	return s, nil
}

// LeaveStdio has nothing to do: the process itself leaves them.
func (ourselves) LeaveStdio(bool) error { return nil }
