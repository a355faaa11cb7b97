package isc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A Config is what a dhclient.conf says.
type Config struct {
	// Options are the standard options and those that the file defines.
	Options *option.Table
	// Warnings are the statements that have no effect, or not all of it.
	Warnings []Warning

	global *scope
	blocks []*scope // of interfaces, by the order of their first mention
	leases []*Block // the static ones
}

// settings are the statements that a block takes over from the scope around it
// as they are where it begins.
type settings struct {
	timeout, retry, reboot, selectTimeout time.Duration
	initialInterval, backoffCutoff        time.Duration
	script                                string
	broadcast                             bool
	request, require                      []uint8
	reject                                []netip.Prefix
}

// defaults are those of dhclient 4.4.3. Its manual page says ten seconds for
// initial-interval, but three it is.
func defaults() settings {
	return settings{
		timeout: 60 * time.Second, retry: 300 * time.Second, reboot: 10 * time.Second,
		initialInterval: 3 * time.Second, backoffCutoff: 15 * time.Second,
		request: []uint8{1, 28, 2, 3, 15, 6, 12},
	}
}

// clone returns settings that can be added to.
func (s settings) clone() settings {
	s.request, s.require, s.reject = slices.Clone(s.request), slices.Clone(s.require), slices.Clone(s.reject)
	return s
}

// A scope is the outermost part of the file, or an interface's block.
type scope struct {
	name string // of the interface
	settings
	delay      time.Duration // initial-delay, of the outermost scope only
	statements []statement
}

// An op is what a statement does with an option.
type op uint8

const (
	opSend op = iota
	opDefault
	opSupersede
	opPrepend
	opAppend
)

var ops = map[string]op{
	"send": opSend, "default": opDefault, "supersede": opSupersede, "prepend": opPrepend, "append": opAppend,
}

// A statement gives an option a value.
type statement struct {
	op  op
	row option.Row
	// fqdn is the part of option 81 that is meant; 0 for the option row.
	fqdn  uint8
	value expression
}

// An Interface is what a Config says about one interface.
type Interface struct {
	Name string
	// Timeout is after which time without an OFFER dhclient gives up, and
	// Retry about how long it then waits: between half and one and a half
	// of it.
	Timeout, Retry time.Duration
	// Reboot is how long the REQUEST of a stored or offered lease is tried.
	Reboot time.Duration
	// SelectTimeout is how long offers are gathered; 0 takes the first.
	SelectTimeout time.Duration
	// InitialInterval is the time between the first messages, which about
	// doubles, and BackoffCutoff how long it gets, within a half.
	InitialInterval, BackoffCutoff time.Duration
	// InitialDelay bounds a random wait before the first message.
	InitialDelay time.Duration
	// Script is the program to run; empty if no statement says so.
	Script string
	// Broadcast asks servers to broadcast their replies: bootp-broadcast-always.
	Broadcast bool
	// Request is the list of options to ask for, option 55: all of it, in
	// this order; empty sends none.
	Request []uint8
	// Require are the options without which an offer is not taken.
	Require []uint8
	// Reject are the servers whose messages are not heard.
	Reject []netip.Prefix
	// Fallbacks are the leases of the file for this interface, in the order
	// in which dhclient tries them when no server answers: the last first.
	Fallbacks []*Block

	statements []statement
}

// Interfaces are the names that have a block. With any, dhclient configures
// those beside the ones that its command line names.
func (c *Config) Interfaces() []string {
	var names []string
	for _, b := range c.blocks {
		names = append(names, b.name)
	}
	return names
}

// Script is what the file names outside of any block, empty for nothing.
func (c *Config) Script() string { return c.global.script }

// ForInterface is what holds for the interface name.
func (c *Config) ForInterface(name string) *Interface {
	s, block := c.global, c.find(name)
	if block != nil {
		s = block
	}
	k := s.clone()
	i := &Interface{
		Name: name, Timeout: k.timeout, Retry: k.retry, Reboot: k.reboot, SelectTimeout: k.selectTimeout,
		InitialInterval: k.initialInterval, BackoffCutoff: k.backoffCutoff, InitialDelay: c.global.delay,
		Script: k.script, Broadcast: k.broadcast, Request: k.request, Require: k.require, Reject: k.reject,
		statements: slices.Clone(c.global.statements),
	}
	if block != nil {
		i.statements = append(i.statements, block.statements...)
	}
	for _, l := range c.leases {
		if l.Interface == name {
			// A later one for the same address replaces it.
			i.Fallbacks = slices.DeleteFunc(i.Fallbacks, func(o *Block) bool { return o.Address == l.Address })
			i.Fallbacks = slices.Insert(i.Fallbacks, 0, l)
		}
	}
	return i
}

func (c *Config) find(name string) *scope {
	for _, b := range c.blocks {
		if b.name == name {
			return b
		}
	}
	return nil
}
