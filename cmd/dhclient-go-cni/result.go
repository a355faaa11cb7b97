package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	specs "github.com/containernetworking/cni/pkg/version"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/cni"
)

// write tells the runtime a result, in the form of the version that the
// configuration has.
func (c *config) write(r *current.Result) error {
	v := c.CNIVersion
	if v == "" {
		v = "0.1.0" // as package skel has it
	}
	if err := types.PrintResult(r, v); err != nil {
		return types.NewError(types.ErrIncompatibleCNIVersion, "the result cannot be written as CNI "+v, err.Error())
	}
	return nil
}

// isChained says that the runtime has called us itself, behind others: who is
// called for addresses by another plugin gets that one's prevResult to see.
func (c *config) isChained() bool { return c.Type == c.IPAM.Type && c.RawPrevResult != nil }

// before is the result of the plugins before, or of ADD.
func (c *config) before() (*current.Result, error) {
	raw := c.RawPrevResult
	err := specs.ParsePrevResult(&c.PluginConf)
	c.RawPrevResult = raw // which ParsePrevResult takes away
	var r *current.Result
	if err == nil && c.PrevResult != nil {
		r, err = current.NewResultFromResult(c.PrevResult)
	}
	if err == nil && r == nil {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, types.NewError(types.ErrDecodingFailure, "prevResult cannot be read", err.Error())
	}
	return r, nil
}

// result is a grant as a plugin for addresses returns it: without interfaces.
func (c *config) result(g *cni.Grant) *current.Result {
	r := &current.Result{
		CNIVersion: current.ImplementedSpecVersion,
		IPs:        []*current.IPConfig{{Address: ipNet(g.Address), Gateway: ip(g.Gateway)}},
		DNS:        types.DNS{Domain: g.Domain, Search: g.Search},
	}
	for _, a := range g.DNS {
		r.DNS.Nameservers = append(r.DNS.Nameservers, a.String())
	}
	for _, route := range g.Routes {
		t := &types.Route{Dst: ipNet(route.Dst), GW: ip(route.Gateway), MTU: g.MTU, Priority: c.IPAM.Priority}
		if !route.Gateway.IsValid() {
			// Without a gateway a plugin would take that of the address.
			scope := unix.RT_SCOPE_LINK
			t.GW, t.Scope = net.IPv4zero.To4(), &scope
		}
		r.Routes = append(r.Routes, t)
	}
	return r
}

func ipNet(p netip.Prefix) net.IPNet {
	return net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func ip(a netip.Addr) net.IP { return a.AsSlice() }

// compare is an error if the runtime has another address than there is.
func (c *config) compare(g *cni.Grant) error {
	if c.RawPrevResult == nil || g == nil {
		return nil
	}
	r, err := c.before()
	if err != nil {
		return err
	}
	want := ipNet(g.Address)
	if slices.ContainsFunc(r.IPs, func(have *current.IPConfig) bool { return have.Address.String() == want.String() }) {
		return nil
	}
	return types.NewError(uint(cni.NoAddress), fmt.Sprintf("the link has %v by now, which is not in prevResult", g.Address), "its first lease was lost")
}
