package attach

import (
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

const (
	// maxRoutes is how many routes of a lease a plugin is given: a message can
	// hold thousands (option 121 in a long packet).
	maxRoutes = 512
	// minMTU is what every IPv4 host must be able to receive (RFC 791 3.1).
	minMTU = 576
)

// grantOf is what a runtime is told of a lease, for a link of that MTU.
func grantOf(l *lease.Lease, linkMTU int) (*cni.Grant, error) {
	prefix, err := netcfg.Prefix(l)
	if err != nil {
		return nil, err
	}
	g := &cni.Grant{Address: prefix, Gateway: l.Router(), DNS: l.DNS, Domain: l.Domain, Search: l.Search}
	if l.MTU >= minMTU && l.MTU < linkMTU {
		g.MTU = l.MTU
	}
	doors := map[netip.Addr]bool{}
	for _, r := range l.Routes[:min(len(l.Routes), maxRoutes)] {
		route := cni.Route{Dst: r.Dst.Masked()}
		if r.Gateway.IsValid() && !r.Gateway.IsUnspecified() { // else RFC 3442: on the link
			route.Gateway = r.Gateway
			if !prefix.Contains(r.Gateway) && !doors[r.Gateway] {
				// It is outside of the subnet, as clouds have it, and needs a
				// route of its own before.
				doors[r.Gateway] = true
				g.Routes = append(g.Routes, cni.Route{Dst: netip.PrefixFrom(r.Gateway, 32)})
			}
		}
		g.Routes = append(g.Routes, route)
	}
	return g, nil
}
