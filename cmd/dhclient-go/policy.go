package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
)

// What netcfg.Config allows of routes and MTUs.
const (
	mostRoutes = 512
	leastMTU   = 68
	usualMTU   = 576
)

func setMaxRoutes(o *options, s string) error {
	return setNumber(&o.netcfg.MaxRoutes, s, 1, mostRoutes)
}
func setMinMTU(o *options, s string) error {
	return setNumber(&o.netcfg.MinMTU, s, leastMTU, math.MaxUint16)
}
func setMaxMTU(o *options, s string) error {
	return setNumber(&o.netcfg.MaxMTU, s, leastMTU, math.MaxUint16)
}

func setTable(o *options, s string) error {
	if s == "main" {
		s = strconv.Itoa(unix.RT_TABLE_MAIN)
	}
	if err := setNumber(&o.netcfg.Table, s, 1, math.MaxInt32); err != nil {
		return fmt.Errorf("%w, nor main", err)
	}
	if o.netcfg.Table == unix.RT_TABLE_LOCAL {
		return fmt.Errorf("%q is the table of the host's own addresses", s)
	}
	return nil
}

// setNumber reads a number from least to most.
func setNumber(n *int, s string, least, most int) (err error) {
	*n, err = strconv.Atoi(s)
	if err != nil || *n < least || *n > most {
		return fmt.Errorf("%q is not a number from %d to %d", s, least, most)
	}
	return nil
}

// checkPolicy looks for what of the policy makes no sense together.
func (o *options) checkPolicy() error {
	switch {
	case o.client.Prefer != client.PreferAddress && o.client.SelectTimeout == 0:
		return &usageError{"--prefer", "needs --select-timeout: without it the first offer is taken"}
	case o.client.RapidCommit && o.client.SelectTimeout > 0:
		return &usageError{"--select-timeout", "contradicts --rapid-commit, which takes the first answer"}
	}
	least := cmp.Or(o.netcfg.MinMTU, usualMTU)
	if most := o.netcfg.MaxMTU; most != 0 && most < least {
		return &usageError{"--max-mtu", fmt.Sprintf("%d is less than the least MTU, %d (--min-mtu)", most, least)}
	}
	return nil
}

// maxSelect is the longest --select-timeout: servers keep an offer for about that.
const maxSelect = time.Minute

func setSelectTimeout(o *options, s string) (err error) {
	o.client.SelectTimeout, err = duration(s)
	if err == nil && o.client.SelectTimeout > maxSelect {
		err = fmt.Errorf("%q is longer than %s, for which servers keep an offer", s, span(maxSelect))
	}
	return err
}

func setPrefer(o *options, s string) (err error) {
	o.client.Prefer, err = choose(s, choice[client.Prefer]{"address", client.PreferAddress},
		choice[client.Prefer]{"server", client.PreferServer}, choice[client.Prefer]{"longest", client.PreferLongest})
	return err
}

// addRequireOption takes options without which no offer is good: they are asked
// for, too.
func addRequireOption(o *options, s string) error {
	for word := range strings.SplitSeq(s, ",") {
		code, err := optionCode(word)
		if err != nil {
			return err
		}
		if !slices.Contains(o.client.RequireOptions, code) {
			o.client.RequireOptions = append(o.client.RequireOptions, code)
		}
	}
	return addRequestOption(o, s)
}

func allowServer(o *options, s string) error {
	return addServer(s, &o.client.AllowServers, &o.client.AllowStations)
}

func denyServer(o *options, s string) error {
	return addServer(s, &o.client.RejectServers, &o.client.RejectStations)
}

// addServer reads who a server is: its identifier, a network of such, or the
// Ethernet address of the server or of its relay.
func addServer(s string, servers *[]netip.Prefix, stations *[]net.HardwareAddr) error {
	if mac, err := net.ParseMAC(s); err == nil && len(mac) == 6 {
		*stations = append(*stations, mac)
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if a, single := netip.ParseAddr(s); single == nil {
		p, err = a.Prefix(a.BitLen())
	}
	if err != nil || !p.Addr().Is4() {
		return fmt.Errorf("%q is not an IPv4 address or network like 192.0.2.0/24, nor an Ethernet address", s)
	}
	if p != p.Masked() {
		return errors.New(s + " is not a network: did you mean " + p.Masked().String() + "?")
	}
	*servers = append(*servers, p)
	return nil
}
