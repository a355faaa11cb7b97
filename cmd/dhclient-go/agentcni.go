package main

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/cni/attach"
)

// cniFlag is the row of --cni.
var cniFlag = flagRow{name: "cni", value: "SOCKET", optional: true,
	help: "give containers leases: listen for dhclient-go-cni on\nSOCKET (" + cni.DefaultSocket + ")", set: setCNI}

func setCNI(o *options, s string) error {
	if s == optionalUnset {
		s = cni.DefaultSocket
	}
	if !strings.HasPrefix(s, "/") {
		return fmt.Errorf("%q is not an absolute path", s)
	}
	o.agent.cni = filepath.Clean(s)
	return nil
}

// forPlugins is what an agent has for containers.
type forPlugins struct {
	keeper *attach.Keeper
	server *cni.Server
	dir    string
}

// servePlugins has an agent listen for plugins. Who asks before it runs waits.
func (a *agency) servePlugins() error {
	if a.o.agent.cni == "" {
		return nil
	}
	p := &forPlugins{dir: filepath.Join(a.cniLeases(), "cni")}
	p.keeper = attach.New(attach.Config{Agent: a.lib, Dir: p.dir, Open: a.openAttached, Logger: a.log})
	var err error
	if p.server, err = cni.Listen(a.o.agent.cni, a.log, p.keeper.Handle); err != nil {
		return fmt.Errorf("--cni: %w", err)
	}
	// Not before: if another agent listens, what is kept is its own.
	if err = p.keeper.Load(); err != nil {
		p.server.Close()
		return err
	}
	a.cni = p
	return nil
}

// begun is called when the agent runs.
func (a *agency) begun() {
	if a.cni == nil {
		return
	}
	a.cni.keeper.Begin(a.ctx)
	context.AfterFunc(a.ctx, a.cni.keeper.Stop)
}

// close ends it, when the agent has ended.
func (p *forPlugins) close() {
	if p == nil {
		return
	}
	p.server.Close()
	p.keeper.Wait()
}

// cniLeases is the directory of leases that attachments are kept beneath: that of
// the command line, or of the first section of the config file.
func (a *agency) cniLeases() string {
	if all := a.linkOptions(); len(all) > 0 {
		return all[0].leaseDir
	}
	return a.o.leaseDir
}

// openAttached puts the client of a container's link together.
func (a *agency) openAttached(o *agent.Opening, f attach.Fitting) (*agent.Served, *client.Client, error) {
	own, err := a.cniOptions(&o.Link, f)
	if err != nil {
		return nil, nil, err
	}
	served, b, err := a.newPlan(&linkPlan{options: own}, nil).open(o, f.Fit)
	if err != nil {
		return nil, nil, err
	}
	return served, b.link.client, nil
}

// cniOptions are what the config file, or the command line, says of a container's
// link, less what is the container's own affair.
func (a *agency) cniOptions(l *agent.Link, f attach.Fitting) (*options, error) {
	a.reloading.Lock()
	plan, err := a.sectionOf(l)
	a.reloading.Unlock()
	if err != nil {
		a.log.Warn("no section of the config file is used", "if", l.Name, "netns", l.Netns, "err", err)
	}
	if plan == nil {
		plan = &linkPlan{options: newOptions()}
	}
	o := *plan.options
	o.noDNS, o.nameHost, o.hooks, o.outfit = true, nil, hook.Config{}, nil
	o.netcfg.LinkMTU = false
	notForContainers(&o.client)
	if f.Metric > 0 {
		o.netcfg.Metric = f.Metric
	}
	if f.ACD != "" {
		if err := setACD(&o, string(f.ACD)); err != nil {
			return nil, err
		}
	}
	return &o, nil
}

// notForContainers leaves away what is of one link of the host: its addresses, which
// each container would get whose server is silent, its names and what other clients
// have left there.
func notForContainers(c *client.Config) {
	c.Fallback, c.LinkLocal, c.Schedule = nil, false, client.Schedule{}
	c.RequestIP, c.Takeover = netip.Addr{}, false
	c.ClientID, c.MachineID = nil, client.MachineID{}
	c.Hostname, c.FQDN, c.DNSUpdate = "", "", client.UpdateByServer
}
