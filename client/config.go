package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Config says what a Client does. Only Interface is needed: the zero value of
// every other field works, and leaves the link alone (library mode).
type Config struct {
	// Interface is the name of the link, as `ip link` shows it.
	Interface string

	// ClientID is option 61 (RFC 2132 9.14), 2 to 255 octets; nil sends 01
	// and the hardware address, which two clones of one image do not share,
	// and an empty one that is not nil sends none.
	ClientID []byte
	// Hostname is option 12, a valid host name of 63 octets at most; empty
	// sends none.
	Hostname string
	// MachineID, unless it is zero, makes the client id that of RFC 4361: of a
	// DUID that is the machine's and an IAID of the link's address, both as
	// systemd-networkd makes them where udev has no name for the link. It stays
	// the same without any file of ours. Two clones that have one machine id are
	// one machine to a server unless their links have other addresses. ClientID
	// must be nil.
	MachineID MachineID
	// FQDN is the name for the DNS (option 81): a whole one has a dot, maybe at
	// its end. It takes the place of Hostname, which must be empty (RFC 4702 3.1),
	// and DNSUpdate says who enters it. Empty sends none.
	FQDN      string
	DNSUpdate DNSUpdate
	// VendorClass is option 60, 255 octets at most; empty sends none.
	VendorClass string
	// UserClass are option 77 (RFC 3004), 1 to 255 octets each. BareUserClass
	// sends the one that there is without the length before it, as it stands:
	// what most servers are told to look for.
	UserClass     []string
	BareUserClass bool
	// VendorClasses are option 124 and VendorOptions option 125, by the vendor
	// that has defined them (RFC 3925): 255 octets for each at most.
	VendorClasses []VendorClass
	VendorOptions []VendorOptions
	// MUDURL is option 161, an https URL of 255 octets at most, which says what
	// a network should let this device do (RFC 8520 10); empty sends none.
	MUDURL string
	// RequestIP is an address to ask for; the server may give another.
	RequestIP netip.Addr
	// RequestOptions are asked for beside the default ones (option 55), 1 to
	// 254 each.
	RequestOptions []uint8
	// RequestOnly makes RequestOptions all that is asked for, in its order:
	// the default ones are left out, and an empty list sends no option 55.
	RequestOnly bool
	// SendOptions are sent with each DISCOVER and REQUEST (RFC 2131 table 5),
	// by their codes, as they are: one octet at least, and all messages
	// together no longer than a datagram of 576 octets can carry. A value of
	// more than 255 octets goes in several instances (RFC 3396).
	//
	// Those that say which message it is are refused: 0, 50, 52, 53, 54, 55,
	// 56, 80 and 255. Option 12, 60 or 61 takes the place of Hostname,
	// VendorClass or ClientID, which must be unset then; 61 belongs to every
	// message. Option 57 is at most what the link can receive, whatever is
	// said. With option 81 no option 12 is sent (RFC 4702 3.1).
	SendOptions map[uint8][]byte
	// OptionFilter is given the options of each OFFER and ACK, and returns
	// those that the lease is made of: it may change the map and the octets,
	// or return another map. What it returns is checked like a server's own
	// words. Options 52, 53, 54, 61 and 80 stay as they came, and the lease ends
	// no later than the server said. It is called from the Transport's
	// goroutine: it must not block, and must not call the Client. Nil changes
	// nothing.
	OptionFilter func(options map[uint8][]byte) map[uint8][]byte

	// ServerAddr is where goes what would go to 255.255.255.255: a server's
	// address, or that of all hosts of a network. It leaves as a broadcast on
	// the link all the same, since there is no address yet to ask with who
	// has it. Linux gives what comes so from 0.0.0.0 to no UDP socket: a
	// server hears it that has a packet socket, as ISC's. The zero Addr is
	// 255.255.255.255.
	ServerAddr netip.Addr
	// RelayAddr is giaddr, the address of a relay to pose as, for tests of
	// servers (RFC 2131 4.1): a server answers to port 67 of that address, so
	// that is where the client listens unless ClientPort says otherwise. A
	// held lease is renewed without it. The zero Addr is none.
	RelayAddr netip.Addr
	// ClientPort is the UDP port to listen on, and the server's is one less,
	// 2 to 65535: for tests. With RelayAddr both are the same. 0 is 68.
	ClientPort uint16

	// StartDelay is waited before the first DISCOVER; for fleets that start
	// at once (RFC 2131 4.4.1).
	StartDelay time.Duration
	// Retransmit is the schedule of unanswered messages, and Schedule what is to
	// be another.
	Retransmit Retransmit
	Schedule   Schedule
	// SelectTimeout is how long after the first DISCOVER offers are waited for,
	// up to a minute, to take the best by Prefer. 0 takes the first that comes.
	SelectTimeout time.Duration
	// Prefer is which of several offers is the best: that of RequestIP or of the
	// address that was held last, unless it says another. Between two that are
	// equally good it is that too, and else the first. It needs a SelectTimeout.
	Prefer Prefer
	// RequireOptions are those that an offer must have to be taken.
	RequireOptions []uint8
	// RejectServers are those whose messages are ignored, by their server
	// identifier (option 54), and AllowServers, if there are any, the only ones
	// whose are not.
	RejectServers, AllowServers []netip.Prefix
	// RejectStations and AllowStations are the same by the Ethernet address that
	// a message comes from: the server's own, or its relay's. They take the
	// transport that New opens itself.
	RejectStations, AllowStations []net.HardwareAddr
	// Fallback is a lease to use when Schedule gives up and nobody else has its
	// address; nil for none.
	Fallback *lease.Lease
	// LinkLocal has the host give itself an address of 169.254/16 when Schedule
	// gives up, if nobody else has it (RFC 3927): servers are asked on, and it is
	// gone when a lease comes, when the link goes and when the client ends,
	// whatever OnExit is, since nobody would defend it. It needs a Schedule that
	// gives up, a ConflictDetector and an ACD that probes, and Fallback must be
	// nil.
	LinkLocal bool
	// RapidCommit asks servers to acknowledge a DISCOVER at once, which takes
	// two messages in place of four (RFC 4039): for a link with one server, or
	// none that minds losing what it has committed. After three unanswered
	// DISCOVERs the client goes on without. A server that makes an offer all the
	// same is as good. It allows no SelectTimeout.
	RapidCommit bool
	// ForceRenew has a server that gives a nonce with the lease say at any time
	// that it be renewed: by a FORCERENEW that is made with it, and whose replay
	// value grows (RFC 6704). The nonce is a secret that came in the clear: whoever
	// heard the ACK can do the same. It is neither in the lease nor stored. Any
	// other FORCERENEW has no effect, and without a nonce a bound client hears
	// nothing.
	ForceRenew bool
	// Anonymous is the profile of RFC 7844, for a link with a hardware address by
	// chance. Of options DISCOVER and REQUEST have, beside what an exchange needs,
	// only the client id, of the hardware address, and a short list of those asked
	// for, in an order by chance. No address that the client had is asked for: the
	// stored lease is not used, and a lease is given up when the carrier is lost. A
	// new hardware address, which is no affair of the client's, is a new client as
	// ever. All that would say who it is must be unset: ClientID (or empty, to send
	// none), Hostname and the fields like it, RequestIP, SendOptions, RapidCommit,
	// ForceRenew and AuthKey.
	Anonymous bool
	// AuthKey is a secret that the client shares with its servers: it signs what it
	// sends, and no message counts that none of them has signed just now (RFC 3118,
	// delayed authentication with HMAC-MD5). The zero value does neither. It takes a
	// clock that is not set back over restarts.
	AuthKey AuthKey
	// Broadcast asks servers to broadcast their replies from the start; else
	// that is asked after three unanswered DISCOVERs, or when Schedule has given up
	// (RFC 2131 4.1).
	Broadcast bool
	// IPv6Only is for a host that can do without IPv4. It says so to the server,
	// and where that says that the network prefers it (option 108, RFC 8925),
	// no address is asked for or used, no stored one and no Fallback, for as
	// long as the server says and 300 s at least: state V6ONLY. Another
	// attachment to a network ends it, as Renew does. A lease that is in use
	// goes on until it ends. What of IPv6 there is the client does not look at.
	IPv6Only bool
	// ACD is when ConflictDetector probes.
	ACD ACD
	// OnExit is what becomes of the lease when Run ends.
	OnExit OnExit

	// Takeover has New ask another Client that serves the link to leave it, where
	// it would fail with a *HeldError. That one ends with the lease on the link,
	// and this one goes on from its lease, which is verified as a stored one is
	// (RFC 2131 3.2), unless that of LeaseStore is newer. Also, without ClientID,
	// the client id is that of the lease that is gone on from, whoever had it. A
	// client of another kind cannot be asked: where one is seen to serve the link
	// it is a *HeldError, too.
	// It takes the transport that New opens itself.
	Takeover bool
	// OnHandover is asked when another process, which is root, of our user or
	// able to serve the link, wants to take it over: its number, 0 if it cannot
	// be seen from here, and its name. If it returns nil the lease stays on the
	// link, whatever OnExit is, and Run returns nil; the text of an error is
	// told to that process. It is called from the goroutine of Run: it must not
	// block, and must not call the Client. One that needs several links asks
	// before it takes any (MayTakeOver), and may not come then: HandedOver says
	// that it has. Nil refuses.
	OnHandover func(pid int, name string) error

	// Configurator makes the link match the lease; nil configures nothing.
	Configurator Configurator
	// AfterApply runs, in order, each time Configurator has applied a lease:
	// the resolver, programs. They never delay the lease, and their errors
	// are logged, no more.
	AfterApply []Configurator
	// ConflictDetector finds other users of an address (RFC 5227); nil
	// behaves as ACD NoProbe.
	ConflictDetector ConflictDetector
	// RouterChecker tells by ARP which station a router is (RFC 4436); nil
	// never uses a stored lease without a server.
	RouterChecker RouterChecker
	// LeaseStore keeps the lease for the next start; nil keeps it in memory.
	LeaseStore LeaseStore
	// LinkWatcher reports carrier, new hardware addresses and addresses that
	// are taken away; nil takes the link as it is when New is called.
	LinkWatcher LinkWatcher
	// OpenTransport opens the way to the network; nil is a packet and a UDP
	// socket. The function given gets the payload of each datagram that
	// arrives, valid during the call, and the address it came from. Ports and
	// addresses are its own: ClientPort and ServerAddr must be unset.
	OpenTransport func(link LinkState, receive func(payload []byte, from netip.Addr)) (Transport, error)

	// OnEvent gets what happens, in order, from the goroutine of Run: it must
	// not block, and must not call the Client. Nil is fine.
	OnEvent func(Event)
	// Logger gets one line for each transition; nil logs nothing.
	Logger *slog.Logger
}

// maxSelect is the longest SelectTimeout: servers keep an offer for about that.
const maxSelect = time.Minute

// check looks for what makes no sense.
func (cfg *Config) check() error {
	s := &cfg.Schedule
	times := []time.Duration{cfg.StartDelay, s.Initial, s.Max, s.Timeout, s.Pause, s.Reboot}
	switch {
	case cfg.Interface == "":
		return errors.New("no interface named")
	case cfg.SelectTimeout < 0 || cfg.SelectTimeout > maxSelect:
		return fmt.Errorf("SelectTimeout %v is not between 0 and %v", cfg.SelectTimeout, maxSelect)
	case cfg.LinkLocal && cfg.Fallback != nil:
		return errors.New("LinkLocal and Fallback are two addresses for one purpose")
	case cfg.LinkLocal && s.Timeout == 0 && s.Attempts == 0:
		return errors.New("LinkLocal needs a Schedule that gives up")
	case cfg.LinkLocal && (cfg.ConflictDetector == nil || cfg.ACD == NoProbe):
		return errors.New("LinkLocal needs a ConflictDetector that is used (RFC 3927 2.2.1)")
	case cfg.RapidCommit && cfg.SelectTimeout > 0:
		return errors.New("RapidCommit takes the first answer, SelectTimeout waits for others")
	case cfg.Prefer != PreferAddress && cfg.SelectTimeout == 0:
		return errors.New("Prefer needs a SelectTimeout: without one the first offer is taken")
	case slices.Min(times) < 0 || s.Attempts < 0:
		return errors.New("StartDelay and Schedule have no negative times")
	case cfg.MachineID != (MachineID{}) && (cfg.ClientID != nil || cfg.SendOptions[optClientID] != nil):
		return errors.New("MachineID makes a client id, and ClientID is set too")
	}
	if err := cfg.checkAuth(); err != nil {
		return err
	}
	if cfg.ForceRenew && cfg.SendOptions[optNonceCapable] != nil {
		return errors.New("ForceRenew sends option 145, which SendOptions has too")
	}
	if _, err := cfg.Options(); err != nil {
		return err
	}
	return cfg.checkAddressing()
}

// The modes of Config, by the names that package client gives them.
type (
	// Retransmit is the schedule of DISCOVER and REQUEST.
	Retransmit = fsm.Retransmit
	// ACD is when an address is probed for conflicts.
	ACD = fsm.ACD
	// OnExit is what becomes of the lease when Run ends.
	OnExit = fsm.OnExit
	// State is a state of RFC 2131 figure 5.
	State = fsm.State
	// Prefer is which of several offers is the best.
	Prefer = fsm.Prefer
	// Schedule is what clients of long standing let an administrator set of
	// retransmission.
	Schedule = fsm.Schedule
	// Reason is why a link is configured.
	Reason = fsm.Reason
)

// The reasons for a ReasonConfigurator. ReasonPreinit and ReasonFail are of
// programs that are told more than the lease: the client itself never gives
// them.
const (
	ReasonPreinit  = fsm.ReasonPreinit  // before the link is used
	ReasonBound    = fsm.ReasonBound    // a lease after DISCOVER
	ReasonRenew    = fsm.ReasonRenew    // the server that gave it has renewed it
	ReasonRebind   = fsm.ReasonRebind   // any server has renewed it
	ReasonReboot   = fsm.ReasonReboot   // a server has confirmed a stored lease
	ReasonStored   = fsm.ReasonStored   // no server answers; a stored lease is used
	ReasonRefresh  = fsm.ReasonRefresh  // the link may have lost what was on it
	ReasonExpire   = fsm.ReasonExpire   // the lease is over
	ReasonNak      = fsm.ReasonNak      // a server has refused it
	ReasonConflict = fsm.ReasonConflict // another host has the address
	ReasonLost     = fsm.ReasonLost     // it was given up for something else
	ReasonFail     = fsm.ReasonFail     // no lease, and none is asked for for a while
	ReasonRelease  = fsm.ReasonRelease  // it was given back
	ReasonStop     = fsm.ReasonStop     // the client ends
)

const (
	// Fast retransmits after 1, 2, 4 ... 64 s, and the first REQUEST to a server
	// that was quick with its OFFER once more, after 0.5 to 1 s.
	Fast = fsm.Fast
	// RFC2131 retransmits after 4, 8 ... 64 s (RFC 2131 4.1).
	RFC2131 = fsm.RFC2131

	// PreferAddress is the offer of the address that was asked for.
	PreferAddress = fsm.PreferAddress
	// PreferServer is that of the server that gave the last lease, also the
	// stored one.
	PreferServer = fsm.PreferServer
	// PreferLongest is that of the longest lease.
	PreferLongest = fsm.PreferLongest

	// ProbeFirst probes before the address is used.
	ProbeFirst = fsm.ProbeFirst
	// Optimistic uses the address while the probe runs.
	Optimistic = fsm.Optimistic
	// NoProbe never probes.
	NoProbe = fsm.NoProbe

	// Keep leaves address and routes for the kernel to expire.
	Keep = fsm.Keep
	// Remove takes them off the link; the lease stays stored.
	Remove = fsm.Remove
	// Release tells the server, takes them off and forgets the lease.
	Release = fsm.GiveBack
	// ReleaseFound is Release of a stored lease too that is on the link, and
	// that no server was asked about: what dhclient -r does.
	ReleaseFound = fsm.GiveBackFound
)

// A Transport carries DHCP messages. Its methods are called by one goroutine.
type Transport interface {
	// Send sends one message from the client's port to the server's of dst,
	// by default 68 and 67. To
	// 255.255.255.255 it leaves as a link broadcast, from 0.0.0.0 if src is
	// the zero Addr.
	Send(payload []byte, src, dst netip.Addr) error
	// Receive turns delivery on or off: a bound client hears nothing, and
	// costs nothing.
	Receive(on bool) error
	// Flush waits until what Send gave to the kernel has left the machine,
	// limit at most.
	Flush(limit time.Duration) error
	Close() error
}

// A ConflictDetector finds other users of an address (RFC 5227). Its callbacks
// come from any goroutine, once for each call, and not after Stop has returned.
type ConflictDetector interface {
	// Probe asks the link whether anybody uses addr; by is nil for nobody.
	// It ends a Probe or Defend before it.
	Probe(addr netip.Addr, done func(by net.HardwareAddr, err error))
	// Defend announces addr and defends it, once in 10 s; lost is called when
	// it must be given up. It ends a Probe or Defend before it.
	Defend(addr netip.Addr, lost func(by net.HardwareAddr))
	// Stop ends what runs. The detector can be used again.
	Stop()
}

// A RouterChecker asks a router by ARP who it is (RFC 4436 2.1).
type RouterChecker interface {
	// CheckRouter sends, from the address source, an ARP request for router:
	// to the station mac, or to all if mac is nil. found is called at most
	// once, with the answer, from any goroutine, and not after Stop.
	CheckRouter(source, router netip.Addr, mac net.HardwareAddr, found func(by net.HardwareAddr))
}

// A Configurator makes a link match a lease. It is called by one goroutine.
type Configurator interface {
	// Apply makes the link match next; nil removes what earlier leases left.
	// prev are the leases that may have left something, among them one of an
	// earlier process. It is idempotent, and fails only if the address is not
	// on the link: what is less is a warning.
	Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error
}

// A ReasonConfigurator is a Configurator that acts by what has happened, as
// programs of the host do: ApplyFor is called in the place of Apply. If it fails
// with ErrDecline for a lease that is not in use yet, the address is declined.
type ReasonConfigurator interface {
	Configurator
	ApplyFor(ctx context.Context, why Reason, next *lease.Lease, prev []*lease.Lease) error
	// Limit is how long ApplyFor may take; 5 s is that of an Apply.
	Limit() time.Duration
}

// ErrDecline is in the chain of an error of ApplyFor that says that the address
// cannot be used on this link (RFC 2131 3.1(5)).
var ErrDecline = errors.New("the address cannot be used")

// A LeaseStore keeps one lease over restarts.
type LeaseStore interface {
	// Load returns the lease that was saved last; nil if there is none.
	Load(ctx context.Context) (*lease.Lease, error)
	// Save replaces it; nil forgets it.
	Save(ctx context.Context, l *lease.Lease) error
}

// A LinkWatcher reports what becomes of a link.
type LinkWatcher interface {
	// State is the link as it is now; its Index is 0 if there is none.
	State() (LinkState, error)
	// Watch calls f with the state of the link, and again after each change,
	// one call at a time, until ctx is done; it returns early only with an
	// error.
	Watch(ctx context.Context, f func(LinkState)) error
}

// A LinkSubscriber is a LinkWatcher that needs no goroutine for each link.
type LinkSubscriber interface {
	LinkWatcher
	// Subscribe is Watch that returns at once: f is called as there, from any
	// goroutine, until cancel returns. f must not block, and must not call cancel.
	Subscribe(f func(LinkState)) (cancel func(), err error)
}

// A LinkState is what the kernel says of a link.
type LinkState = lease.LinkState

// A RejectCounter is a Transport that counts what it received and did not
// deliver; Stats has that too.
type RejectCounter interface {
	// Rejected returns how many datagrams there were, by the reason in words.
	Rejected() map[string]uint64
}

// A Follower is a Transport, ConflictDetector or RouterChecker that can go on
// when its link has another index or hardware address.
type Follower interface {
	// Follow binds to the link with that index and address.
	Follow(index int, addr net.HardwareAddr) error
}
