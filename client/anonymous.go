package client

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/internal/wire"
)

// checkAnonymous looks for what would tell who an anonymous client is.
func (cfg *Config) checkAnonymous() error {
	if !cfg.Anonymous {
		return nil
	}
	var errs []error
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"ClientID", len(cfg.ClientID) > 0}, {"MachineID", cfg.MachineID != MachineID{}}, {"Hostname", cfg.Hostname != ""},
		{"FQDN", cfg.FQDN != ""}, {"VendorClass", cfg.VendorClass != ""}, {"UserClass", len(cfg.UserClass) > 0},
		{"VendorClasses", len(cfg.VendorClasses) > 0}, {"VendorOptions", len(cfg.VendorOptions) > 0}, {"MUDURL", cfg.MUDURL != ""},
		{"RequestIP", cfg.RequestIP.IsValid()}, {"SendOptions", len(cfg.SendOptions) > 0}, {"RapidCommit", cfg.RapidCommit},
		{"ForceRenew", cfg.ForceRenew}, {"AuthKey", len(cfg.AuthKey.Secret) > 0}, {"Takeover", cfg.Takeover},
	} {
		if f.set {
			errs = append(errs, fmt.Errorf("%s would tell who an anonymous client is", f.name))
		}
	}
	return errors.Join(errs...)
}

// The options that an anonymous client asks for: what a host needs to be on the
// network, and most ask for (RFC 7844 3.6).
const (
	optClasslessRoutes = 121
	optRouter          = 3
)

var fewParams = []uint8{1, optRouter, 6, 15, optClasslessRoutes}

// anonymize takes out of id what tells hosts apart: how much it can receive, and
// which options it asks for in which order (RFC 7844 3.1, 3.6). 121 stays before 3,
// as RFC 3442 wants.
func (cfg *Config) anonymize(id *wire.Identity) {
	id.Anonymous, id.MaxSize = true, 0
	params := append(slices.Clone(fewParams), cfg.RequestOptions...)
	if cfg.RequestOnly {
		params = slices.Clone(cfg.RequestOptions)
	}
	if cfg.IPv6Only {
		params = wire.V6Only(params)
	}
	params = wire.Distinct(params)
	rand.Shuffle(len(params), func(i, j int) { params[i], params[j] = params[j], params[i] })
	routes, router := slices.Index(params, optClasslessRoutes), slices.Index(params, optRouter)
	if router >= 0 && router < routes {
		params[routes], params[router] = params[router], params[routes]
	}
	id.Params = params
}
