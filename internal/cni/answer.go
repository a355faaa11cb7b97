package cni

import (
	"errors"
	"fmt"
	"net/netip"
)

// A Code is one of CNI's for errors (SPEC.md, section 5).
type Code uint

// The codes that agent and plugin use. Those from 100 on are ours.
const (
	BadVariable  Code = 4 // of the environment, as CNI_NETNS
	Undecodable  Code = 6
	BadConfig    Code = 7
	TryAgain     Code = 11
	NotAvailable Code = 50 // STATUS: the agent cannot be asked
	// NotAttached is for CHECK: the agent knows of no such attachment.
	NotAttached Code = 100
	// NoLease is for CHECK: the attachment has none.
	NoLease Code = 101
	// NoAddress is for CHECK: the lease's address is not on the link, or it is
	// another than the runtime has.
	NoAddress Code = 102
	Internal  Code = 999
)

// An Error is why a request was not served.
type Error struct {
	Code Code `json:"code"`
	// Message is a short sentence, and Details may say more.
	Message string `json:"message"`
	Details string `json:"details,omitempty"`
}

// Errorf is an Error without details.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	if e.Details != "" {
		return e.Message + ": " + e.Details
	}
	return e.Message
}

// asError is err with a code.
func asError(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Message: err.Error()}
}

// An Answer is what the agent says to a Request.
type Answer struct {
	// Error is nil if it was served.
	Error *Error `json:"error,omitempty"`
	// Grant is what Add and Check have found.
	Grant *Grant `json:"grant,omitempty"`
}

// A Grant is what a lease says of a link.
type Grant struct {
	// Address is the address with the length of its subnet.
	Address netip.Prefix `json:"address"`
	// Gateway is that of the first default route; the zero Addr for none.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// Routes are in the order in which they can be set.
	Routes []Route `json:"routes,omitempty"`
	// DNS are name servers, Domain and Search names of domains.
	DNS    []netip.Addr `json:"dns,omitempty"`
	Domain string       `json:"domain,omitempty"`
	Search []string     `json:"search,omitempty"`
	// MTU is for the routes; 0 where the lease says none, or none that the link
	// could use.
	MTU int `json:"mtu,omitempty"`
}

// A Route is one of a Grant; without a Gateway Dst is on the link.
type Route struct {
	Dst     netip.Prefix `json:"dst"`
	Gateway netip.Addr   `json:"gateway,omitzero"`
}
