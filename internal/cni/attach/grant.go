package attach

import (
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// grantOf is what a runtime is told of a lease: of its routes and its MTU what the
// policy for the link lets pass, as where we set them ourselves. link is the
// container's.
func grantOf(l *lease.Lease, link on) (*cni.Grant, error) {
	prefix, err := netcfg.Prefix(l)
	if err != nil {
		return nil, err
	}
	g := &cni.Grant{Address: prefix, DNS: l.DNS, Domain: l.Domain, Search: l.Search}
	var routes []lease.Route
	if routes, g.MTU, err = link.Wanted(l); err != nil {
		return nil, err
	}
	for _, r := range routes {
		g.Routes = append(g.Routes, cni.Route{Dst: r.Dst, Gateway: r.Gateway})
		if r.Dst.Bits() == 0 && !g.Gateway.IsValid() {
			g.Gateway = r.Gateway
		}
	}
	return g, nil
}
