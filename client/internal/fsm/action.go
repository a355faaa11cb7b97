package fsm

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An Action is something that the machine wants done, in the order given.
//
//sumtype:decl
type Action interface{ action() }

type (
	// Send transmits a message. A failure is not reported back: it is a lost
	// packet, and the schedule goes on (RFC 2131 4.1).
	Send struct{ Message }
	// Probe asks whether another host uses Addr; Probed answers.
	Probe struct{ Addr netip.Addr }
	// CheckRouter asks by ARP, from address Source, who Router is; with MAC,
	// only that station is asked. Reached answers, silence is no answer.
	CheckRouter struct {
		Source, Router netip.Addr
		MAC            lease.HardwareAddr
	}
	// Apply makes the link match Lease, nil for none of ours; Applied answers.
	// A later Apply replaces one that has not been done yet.
	Apply struct {
		Seq   uint64
		Lease *lease.Lease
		Why   Reason
	}
	// Announce tells the link that Addr is ours and defends it from now on
	// (RFC 5227 2.3, 2.4).
	Announce struct{ Addr netip.Addr }
	// Withdraw ends probes and defence.
	Withdraw struct{}
	// Save stores Lease for the next start, nil to forget it.
	Save struct{ Lease *lease.Lease }
	// Notify tells the embedder what happened.
	Notify struct{ Notice Notice }
)

func (Send) action()        {}
func (Probe) action()       {}
func (CheckRouter) action() {}
func (Apply) action()       {}
func (Announce) action()    {}
func (Withdraw) action()    {}
func (Save) action()        {}
func (Notify) action()      {}

// A MessageType is the value of option 53 (RFC 2132 9.6).
type MessageType uint8

// The messages that a client sends (RFC 2131 table 2).
const (
	Discover    MessageType = 1
	Request     MessageType = 3
	Decline     MessageType = 4
	ReleaseType MessageType = 7
	InformType  MessageType = 8
)

func (t MessageType) String() string {
	switch t {
	case Discover:
		return "DISCOVER"
	case Request:
		return "REQUEST"
	case Decline:
		return "DECLINE"
	case ReleaseType:
		return "RELEASE"
	case InformType:
		return "INFORM"
	}
	return "message"
}

// A Message is what varies between the messages of a client (RFC 2131 tables
// 4 and 5); the rest is the client's identity, which package wire adds.
type Message struct {
	Type MessageType
	XID  uint32
	// Secs is the seconds since the client began to acquire or renew.
	Secs uint16
	// Broadcast asks that replies be broadcast (the B flag).
	Broadcast bool
	// CIAddr is the address the client holds and answers ARP for, which is
	// the IP source then; the zero Addr for none.
	CIAddr netip.Addr
	// RequestedIP is option 50, ServerID option 54; the zero Addr leaves the
	// option out.
	RequestedIP, ServerID netip.Addr
	// RapidCommit is option 80: in a DISCOVER, that an ACK may answer it.
	RapidCommit bool
	// Text is option 56: in a DECLINE, why (RFC 2131 table 5).
	Text string
	// Dst is the IP destination: a server, or 255.255.255.255.
	Dst netip.Addr
}

// A Notice is news for the embedder.
type Notice struct {
	Kind Kind
	// From and To are the states of a Transition; Text is why.
	From, To State
	// Lease is the new or current lease; Old what it replaces.
	Lease, Old *lease.Lease
	// Server, Addr and MAC are who or what the notice is of.
	Server, Addr netip.Addr
	MAC          lease.HardwareAddr
	// Wait is a back-off.
	Wait time.Duration
	// Text is the server's own words (option 56), not to be trusted, or the
	// reason of Ignored.
	Text string
	Err  error
}

// The Text of Lost that somebody looks at: another station has the address of a lease
// that no server has confirmed, and a lease of the configuration, which is nobody's, is
// not used any more.
const (
	LostToAnother = "another host has the address"
	FallbackEnds  = "no server has given it"
)

// A Kind says what a Notice is about.
type Kind uint8

// The kinds of notices, and the fields that they set.
const (
	Transition    Kind = iota + 1 // From, To, Text
	Bound                         // Lease: it is on the link
	Renewed                       // Lease, Old: same address
	Expired                       // Lease: its time is over
	Refused                       // Server, Text, Wait: a NAK
	Declined                      // Addr, MAC, Wait: another host has it
	Lost                          // Lease, Text: given up before its end, and why
	Released                      // Lease
	Unanswered                    // the server that offered never acknowledged (RFC 2131 3.1(5))
	ApplyFailed                   // Lease, Err
	ProbeFailed                   // Addr, Err: the address is used unprobed
	Ignored                       // Text: a message that has no meaning in this state
	Stopped                       // Lease: still held, or nil
	UsingStored                   // Lease: no server, the stored lease is used
	RouterChanged                 // Addr, MAC: the stored router answers from another station
	OtherStation                  // Lease, Old, Addr, MAC: the router of a lease in use is another station
	Verified                      // Lease, and MAC or Server: the network of a lease that stayed on the link
	NoServer                      // Wait: the schedule has given up for a while
	Informed                      // Lease, Server: the answer to an Inform
	IPv6Only                      // Server, Wait: the network prefers that there is no IPv4
)
