package fsm

import (
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An Event is something that happened outside the machine. Events that answer
// an action echo its key, so that a late answer is told from a current one.
type Event interface{ event() }

type (
	// Start begins. Lease is the stored lease, nil for none, and OnLink says
	// that the link has its address; LinkUp is false to wait for the first
	// LinkUp event. InUse says that another process had Lease in use until now
	// and has handed it over: it goes on to be used.
	Start struct {
		Lease  *lease.Lease
		OnLink bool
		InUse  bool
		LinkUp bool
	}
	// Tick says that time has passed; early ticks do nothing.
	Tick struct{}

	// Offer is a checked DHCPOFFER for our hardware address.
	Offer struct {
		XID   uint32
		Lease *lease.Lease
	}
	// Ack is a checked DHCPACK for our hardware address. Its Lease may lack
	// everything but the address: what the server left out is taken from the
	// offer or the held lease. Rapid says that it carries option 80: it answers
	// a DISCOVER (RFC 4039). Nonce is what a FORCERENEW will be made with, none if
	// it is zero, and Replay the value that it has to be above (RFC 6704).
	Ack struct {
		XID    uint32
		Lease  *lease.Lease
		Rapid  bool
		Nonce  Nonce
		Replay uint64
	}
	// ForceRenew is a FORCERENEW that was made with the nonce of the lease in use
	// (RFC 6704): its server wants it to be renewed. Replay is above that of each
	// message before, or it was sent before.
	ForceRenew struct{ Replay uint64 }
	// Nak is a checked DHCPNAK. Server is the zero Addr if the message named
	// none.
	Nak struct {
		XID     uint32
		Server  netip.Addr
		Message string
	}

	// Probed answers Probe. By is who else uses the address, zero for nobody.
	Probed struct {
		Addr netip.Addr
		By   lease.HardwareAddr
		Err  error
	}
	// Applied answers Apply. Refused says of an error that the host does not
	// want the address.
	Applied struct {
		Seq     uint64
		Err     error
		Refused bool
	}
	// Conflict says that Addr, which was announced, was lost to By: a second
	// conflict within 10 s of a defence (RFC 5227 2.4).
	Conflict struct {
		Addr netip.Addr
		By   lease.HardwareAddr
	}
	// Reached answers CheckRouter: By is the hardware address that answered.
	Reached struct {
		Router netip.Addr
		By     lease.HardwareAddr
	}

	// LinkDown says that carrier was lost, or if Gone the link itself with all
	// that was on it.
	LinkDown struct{ Gone bool }
	// LinkUp says that carrier is there, maybe on another network.
	LinkUp struct{}
	// NewHardwareAddr says that the link has another address now, and what
	// the client id is with it.
	NewHardwareAddr struct {
		Addr     lease.HardwareAddr
		ClientID []byte
	}
	// AddressGone says that somebody took Addr, which we had set, off the link.
	AddressGone struct{ Addr netip.Addr }

	// Renew asks to renew now, before T1; without a lease, to try at once.
	// With Rebind any server is asked, and not the one that gave the lease.
	Renew struct{ Rebind bool }
	// Release gives the lease back and stops. There says that the address of
	// the Apply under way is on the link already.
	Release struct{ There bool }
	// Stop ends the machine; what becomes of the lease is Config.OnExit. With
	// Keep it stays, whatever that is: another process goes on from it. There
	// is that of Release, and Why a few words on it; empty for that it was asked
	// for.
	Stop struct {
		Keep, There bool
		Why         string
	}
)

func (Start) event()           {}
func (Tick) event()            {}
func (Offer) event()           {}
func (Ack) event()             {}
func (Nak) event()             {}
func (ForceRenew) event()      {}
func (Probed) event()          {}
func (Applied) event()         {}
func (Conflict) event()        {}
func (Reached) event()         {}
func (LinkDown) event()        {}
func (LinkUp) event()          {}
func (NewHardwareAddr) event() {}
func (AddressGone) event()     {}
func (Renew) event()           {}
func (Release) event()         {}
func (Stop) event()            {}
