package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/helper"
)

// programEnviron is our environment for the program of init, which learns of the
// lease by more variables. Those of their names that we were given are about
// another lease.
func programEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, helper.VarPrefix) })
}

// leaseVariables are what the leases say that are there now.
func (f *fleet) leaseVariables() (env []string) {
	first := true
	f.each(func(l *link) {
		held := l.client.Lease()
		if held == nil || f.isHalted(l.name) {
			return
		}
		if first {
			env = append(env, leaseEnviron(helper.VarPrefix, l.name, held)...)
		}
		if len(f.berths) > 1 {
			env = append(env, leaseEnviron(helper.VarPrefix+envName(l.name)+"_", l.name, held)...)
		}
		first = false
	})
	return env
}

// isHalted says that the client of a link ends, as one does that was not the first
// to have a lease: what it holds is on its way back.
func (f *fleet) isHalted(name string) bool {
	for _, b := range f.roll() {
		if b.name == name {
			return b.halted.Err() != nil
		}
	}
	return false
}

// envName is the name of a link as part of a variable's: eth0.1 is ETH0_1.
func envName(link string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, link)
}

// leaseEnviron are the variables of a lease. Each has been checked to be what it
// claims to be: an address, a number, a host name. What the lease lacks has no
// variable.
func leaseEnviron(prefix, link string, l *lease.Lease) []string {
	env := []string{prefix + "INTERFACE=" + link}
	set := func(name, value string) {
		if value != "" {
			env = append(env, prefix+name+"="+value)
		}
	}
	set("ADDRESS", l.Address.String())
	if l.Bits != 0 {
		set("PREFIX", strconv.Itoa(l.Bits))
		set("NETMASK", net.IP(net.CIDRMask(l.Bits, 32)).String())
	}
	set("BROADCAST", addrText(l.Broadcast))
	set("GATEWAY", addrText(l.Router()))
	set("DNS", addrTexts(l.DNS))
	set("DOMAIN", l.Domain)
	set("SEARCH", strings.Join(l.Search, " "))
	set("HOSTNAME", l.Hostname)
	set("NTP", addrTexts(l.NTP))
	if l.MTU != 0 {
		set("MTU", strconv.Itoa(l.MTU))
	}
	set("SERVER", addrText(l.Server))
	if l.Valid != 0 && !l.IsInfinite() {
		set("LEASE_SECONDS", fmt.Sprint(int64(l.Valid/time.Second)))
		set("EXPIRES", fmt.Sprint(l.ExpireAt().Unix()))
	}
	return env
}

func addrText(a netip.Addr) string {
	if !a.IsValid() || a.IsUnspecified() {
		return ""
	}
	return a.String()
}

func addrTexts(list []netip.Addr) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}
