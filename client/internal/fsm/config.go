package fsm

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Config is how a machine behaves. The zero value works.
type Config struct {
	// HardwareAddr is the link's address: a stored lease of another is not used.
	HardwareAddr lease.HardwareAddr
	// ClientID is option 61: a stored lease with another is not used.
	ClientID []byte
	// RequestIP is an address to ask for in DISCOVER (option 50).
	RequestIP netip.Addr
	// StartDelay is waited before the first DISCOVER (RFC 2131 4.4.1 has 1 to
	// 10 s, at random; nobody does that unless a fleet starts at once).
	StartDelay time.Duration
	// Retransmit is the schedule of DISCOVER and REQUEST, and Schedule what is
	// to be another.
	Retransmit Retransmit
	Schedule   Schedule
	// SelectTimeout is how long after the first DISCOVER offers are waited for,
	// to take the best; 0 takes the first that comes.
	SelectTimeout time.Duration
	// RequireOptions are those that an offer must have to be taken.
	RequireOptions []uint8
	// Prefer is which of the offers that have come by then is the best.
	Prefer Prefer
	// RejectServers are those that are not listened to, and AllowServers, if
	// there are any, the only ones that are.
	RejectServers, AllowServers []netip.Prefix
	// Fallback is a lease to use when the schedule gives up, as if it were
	// stored: nobody may have its address. Nil for none.
	Fallback *lease.Lease
	// LinkLocal makes a Fallback of an address that the host gives itself (RFC
	// 3927), and Fallback must be nil then.
	LinkLocal bool
	// Broadcast sets the B flag from the start (RFC 2131 4.1).
	Broadcast bool
	// RapidCommit asks for an ACK in the place of an OFFER (RFC 4039).
	RapidCommit bool
	// V6Only has no address where the network prefers that (RFC 8925).
	V6Only bool
	// Anonymous asks for nothing that it had before (RFC 7844).
	Anonymous bool
	// ACD is how an address is checked before it is used.
	ACD ACD
	// OnExit is what Stop does with the lease.
	OnExit OnExit
}

// A Schedule is what clients of long standing let an administrator set. A zero
// leaves a time as Retransmit has it, and a limit away.
type Schedule struct {
	// Initial is how long the first DISCOVER or REQUEST waits for an answer,
	// and Max the most that a later one does; each waits twice as long as the
	// one before it, give or take 10 % and a second at most. A second at least.
	Initial, Max time.Duration
	// Attempts is how many DISCOVERs are sent, and Timeout how long they are
	// answered, before the client gives up for Pause, which is a second at
	// least. Then it begins again.
	Attempts       int
	Timeout, Pause time.Duration
	// Reboot is how long a stored lease is asked for before DISCOVER is.
	Reboot time.Duration
}

// Retransmit is a retransmission schedule.
type Retransmit uint8

const (
	// Fast is 1, 2, 4 ... 64 s, each give or take 10 % and 1 s at most. Where
	// the OFFER came soon, one more REQUEST follows the first by half a second
	// and up to one.
	Fast Retransmit = iota
	// RFC2131 is 4, 8 ... 64 s, each give or take 1 s (RFC 2131 4.1).
	RFC2131
)

// ACD is when the conflict probe runs (RFC 5227).
type ACD uint8

const (
	// ProbeFirst probes before the address is used.
	ProbeFirst ACD = iota
	// Optimistic uses the address while the probe runs.
	Optimistic
	// NoProbe never probes.
	NoProbe
)

// OnExit is what becomes of the lease when the client stops.
type OnExit uint8

const (
	// Keep leaves address and routes to the kernel, which expires them.
	Keep OnExit = iota
	// Remove takes them off the link; the lease stays stored.
	Remove
	// GiveBack sends RELEASE, takes them off and forgets the lease.
	GiveBack
	// GiveBackFound is GiveBack of a stored lease too that is on the link, and
	// that no server was asked about: for who is told to by a person.
	GiveBackFound
)

// State names a state as RFC 2131 figure 5 does, and those that it lacks.
type State uint8

// The states. The zero State is a machine that was not started or has stopped.
const (
	Off        State = iota
	Init             // waiting for the link, or for a start delay
	Waiting          // backing off after a NAK or a DECLINE
	Selecting        // DISCOVER sent
	Requesting       // REQUEST for an offer sent
	Rebooting        // REQUEST for a remembered lease sent
	Checking         // the conflict probe runs
	Applying         // address and routes are being set
	BoundState       // in use
	Renewing         // asking the server that gave it
	Rebinding        // asking any server
	V6Only           // no address is wanted here (RFC 8925)
)

func (s State) String() string {
	return [...]string{"OFF", "INIT", "WAITING", "SELECTING", "REQUESTING", "REBOOTING",
		"CHECKING", "APPLYING", "BOUND", "RENEWING", "REBINDING", "V6ONLY"}[s]
}
