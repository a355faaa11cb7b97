package main

import (
	"slices"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// agentStory is how many events of a link an agent remembers: there may be a
// thousand links, and each event takes 300 octets and more.
const agentStory = 4

// keeps is the store of the link.
func (b *berth) keeps(is client.LeaseStore) client.LeaseStore {
	if b.store == nil {
		return is
	}
	b.store.is = is
	return b.store
}

// startAides starts the helper process with all that the sections name.
func (a *agency) startAides() error {
	if a.o.noSandbox {
		return nil
	}
	cfg := a.helperConfig()
	if cfg == nil {
		return nil
	}
	h, err := helper.Prepare(*cfg, a.log)
	if err != nil {
		a.log.Warn("scripts and the resolver are this process's own", "err", err)
		return nil
	}
	a.helper, a.aides, a.aiding = h, h, cfg
	return nil
}

// helperConfig is all that a helper process may have to do; nil for nothing.
func (a *agency) helperConfig() *helper.Config {
	cfg := &helper.Config{}
	add := func(r *netcfg.ResolverConfig) {
		switch {
		case r == nil || hasResolver(cfg, r):
		case cfg.Resolver == nil:
			cfg.Resolver = r
		default:
			cfg.MoreResolvers = append(cfg.MoreResolvers, *r)
		}
	}
	for _, o := range a.linkOptions() {
		hooks := o.ownScripts()
		if len(hooks.Programs) > 0 && !hasScripts(cfg, &hooks) {
			cfg.Scripts = append(cfg.Scripts, hooks)
		}
		if o.nameHost != nil && cfg.Hostname == nil {
			cfg.Hostname = o.nameHost
		}
		for _, p := range a.homes() {
			add(a.newPlan(&linkPlan{options: o}, p).resolver())
		}
	}
	if cfg.Resolver == nil && cfg.Hostname == nil && len(cfg.Scripts) == 0 {
		return nil
	}
	return cfg
}

// linkOptions are those of each section, or of the command line.
func (a *agency) linkOptions() (all []*options) {
	if a.file == nil {
		return []*options{a.o}
	}
	for _, s := range a.file.sections {
		if s.plan != nil {
			all = append(all, s.plan.options)
		}
	}
	return all
}

// homes are the places of links.
func (a *agency) homes() (all []*place) {
	if len(a.places) == 0 {
		return []*place{nil}
	}
	for _, p := range a.places {
		all = append(all, p)
	}
	return all
}

// resolver is who is told of name servers; nil for nobody.
func (p *agentPlan) resolver() *netcfg.ResolverConfig {
	if p.o.noDNS || p.o.hooks.Configures {
		return nil
	}
	return &netcfg.ResolverConfig{Path: p.o.resolvConf}
}

func hasResolver(cfg *helper.Config, r *netcfg.ResolverConfig) bool {
	return cfg.Resolver != nil && cfg.Resolver.Path == r.Path ||
		slices.ContainsFunc(cfg.MoreResolvers, func(other netcfg.ResolverConfig) bool { return other.Path == r.Path })
}

func hasScripts(cfg *helper.Config, hooks *hook.Config) bool {
	return slices.ContainsFunc(cfg.Scripts, func(other hook.Config) bool {
		return slices.Equal(other.Programs, hooks.Programs) && other.Dialect == hooks.Dialect && other.Configures == hooks.Configures &&
			other.Limit == hooks.Limit && slices.Equal(other.Env, hooks.Env)
	})
}

// missingAide is what the helper process was not told of at its start; empty for
// nothing.
func (a *agency) missingAide(o *options) string {
	if hooks := o.ownScripts(); len(hooks.Programs) > 0 && !hasScripts(a.aiding, &hooks) {
		return "a script that the agent was not started with, or run in another way"
	}
	if n := o.nameHost; n != nil && (a.aiding.Hostname == nil || a.aiding.Hostname.Always != n.Always) {
		return "set-hostname, without which the agent was started"
	}
	for _, p := range a.homes() {
		if r := a.newPlan(&linkPlan{options: o}, p).resolver(); r != nil && !hasResolver(a.aiding, r) {
			return "a resolver that the agent was not started with"
		}
	}
	return ""
}

// aidesOf are those of one link, and what ends them; nil for those of the process.
func (a *agency) aidesOf() (aides, func()) {
	if a.helper == nil || a.o.noSandbox {
		return nil, func() {}
	}
	s := a.helper.Scope()
	return s, s.Close
}
