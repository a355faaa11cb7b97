package client

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/internal/wire"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// everyone is the limited broadcast address (RFC 1122 3.2.1.3).
var everyone = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// checkAddressing says what of ports and addresses cannot be.
func (cfg *Config) checkAddressing() error {
	switch {
	case cfg.ClientPort == 1:
		return errors.New("ClientPort 1: the server's port would be 0")
	case cfg.ServerAddr.IsValid() && cfg.ServerAddr != everyone && !lease.UsableAddr(cfg.ServerAddr):
		return fmt.Errorf("ServerAddr %v: not the IPv4 address of a host or of all", cfg.ServerAddr)
	case cfg.RelayAddr.IsValid() && !lease.UsableAddr(cfg.RelayAddr):
		return fmt.Errorf("RelayAddr %v: not the IPv4 address of a relay", cfg.RelayAddr)
	case cfg.OpenTransport != nil && cfg.ClientPort != 0:
		return errors.New("ClientPort: OpenTransport opens ports of its own")
	case cfg.OpenTransport != nil && cfg.ServerAddr.IsValid():
		return errors.New("ServerAddr: OpenTransport sends where it likes")
	}
	return cfg.checkStations()
}

// checkStations says what of the stations to be heard cannot be.
func (cfg *Config) checkStations() error {
	list := slices.Concat(cfg.RejectStations, cfg.AllowStations)
	if len(list) > 0 && cfg.OpenTransport != nil {
		return errors.New("RejectStations, AllowStations: OpenTransport hears whom it likes")
	}
	for _, a := range list {
		if station(a).IsZero() {
			return fmt.Errorf("RejectStations, AllowStations: %v is not an Ethernet address", a)
		}
	}
	return nil
}

// stations is who is heard, by the Ethernet address; nil is everybody.
func (cfg *Config) stations() func(lease.HardwareAddr) bool {
	if len(cfg.RejectStations) == 0 && len(cfg.AllowStations) == 0 {
		return nil
	}
	var rejected, allowed []lease.HardwareAddr
	for _, a := range cfg.RejectStations {
		rejected = append(rejected, station(a))
	}
	for _, a := range cfg.AllowStations {
		allowed = append(allowed, station(a))
	}
	return func(a lease.HardwareAddr) bool {
		return !slices.Contains(rejected, a) && (len(allowed) == 0 || slices.Contains(allowed, a))
	}
}

// ports are those of the client and of servers (RFC 2131 4.1). Who poses as a
// relay hears what servers say to relays: to their own port.
func (cfg *Config) ports() (client, server uint16) {
	switch {
	case cfg.RelayAddr.IsValid() && cfg.ClientPort == 0:
		return 67, 67
	case cfg.RelayAddr.IsValid():
		return cfg.ClientPort, cfg.ClientPort
	case cfg.ClientPort == 0:
		return 68, 67
	}
	return cfg.ClientPort, cfg.ClientPort - 1
}

// Requested are the options that the client asks for, in the order of option 55.
func (cfg *Config) Requested() []uint8 { return cfg.params() }

// params is option 55.
func (cfg *Config) params() []byte {
	params := wire.Params(cfg.RequestOptions)
	if cfg.RequestOnly {
		params = wire.Distinct(cfg.RequestOptions)
	}
	if cfg.IPv6Only {
		params = wire.V6Only(params)
	}
	return params
}
