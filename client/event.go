package client

import (
	"net"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An Event is news of a Client, for Config.OnEvent. A lease in it is shared and
// must not be changed.
//
//sumtype:decl
type Event interface{ event() }

type (
	// Transition is a change of state.
	Transition struct {
		From, To State
		// Why is what made it, in a few words of ours.
		Why string
	}
	// Bound says that Lease is in use. Old is the one before it, nil if this
	// is the first.
	Bound struct{ Lease, Old *lease.Lease }
	// Renewed says that Lease goes on from Old with the same address.
	Renewed struct{ Lease, Old *lease.Lease }
	// Expired says that the lease ended and is not used any more.
	Expired struct{ Lease *lease.Lease }
	// Refused says that a server sent NAK (RFC 2131 3.1(5)); Lease is what was
	// lost by it, nil for nothing. Message is the server's own word, printable
	// but not to be trusted. The next try is after Wait.
	Refused struct {
		Lease   *lease.Lease
		Server  netip.Addr
		Message string
		Wait    time.Duration
	}
	// Declined says that the station By has Lease's address, which was
	// therefore declined; By is nil if the Configurator refused it
	// (ErrDecline). The next try is after Wait.
	Declined struct {
		Lease *lease.Lease
		By    net.HardwareAddr
		Wait  time.Duration
	}
	// Lost says that a lease was given up before its end.
	Lost struct {
		Lease  *lease.Lease
		Reason string
	}
	// Released says that the lease was given back (RFC 2131 4.4.6). The client
	// is idle until Renew.
	Released struct{ Lease *lease.Lease }
	// Unanswered says that Server made an offer and did not acknowledge its
	// acceptance; the client starts over (RFC 2131 3.1(5)).
	Unanswered struct{ Server netip.Addr }
	// UsingStored says that no server answers, and that the stored lease is
	// used meanwhile because its router is here (RFC 2131 3.7), or because another
	// process had it in use until it was taken over. Or else it is Config.Fallback,
	// or one of Config.LinkLocal.
	UsingStored struct{ Lease *lease.Lease }
	// RouterChanged says that another station than before answers for Router:
	// this is another network (RFC 4436).
	RouterChanged struct {
		Router netip.Addr
		By     net.HardwareAddr
	}
	// Changed says that What of the network was Was and is Is, while the address
	// of Lease stays: at a renewal, or when its router was asked for after one.
	// Was and Is are addresses with blanks between them, or none.
	Changed struct {
		Lease   *lease.Lease
		What    Change
		Was, Is string
	}
	// OtherServer says that Server makes offers on the link as well as First, the
	// one that was heard first: two that share the work, or one that should not be
	// there. It comes once for each such server, of seven at most.
	OtherServer struct{ Server, First netip.Addr }
	// Verified says that Lease, which is in use and stayed so while there was
	// no carrier, is of this network: Server acknowledged it, or else By, the
	// station that its router had, answered for the router (RFC 4436 2.1).
	Verified struct {
		Lease  *lease.Lease
		By     net.HardwareAddr
		Server netip.Addr
	}
	// ApplyFailed says that Lease could not be put on the link. With a Wait
	// the client gave up, and starts over after it.
	ApplyFailed struct {
		Lease *lease.Lease
		Err   error
		Wait  time.Duration
	}
	// ProbeFailed says that Addr could not be probed, and is used unprobed.
	ProbeFailed struct {
		Addr netip.Addr
		Err  error
	}
	// NoServer says that Config.Schedule has given up for now, and that there is
	// no stored lease to use meanwhile: the next try is after Wait.
	NoServer struct{ Wait time.Duration }
	// IPv6Only says that the network prefers to be IPv6-only, by the word of
	// Server, and that Config.IPv6Only has it so (RFC 8925): no address is asked
	// for before Wait is over.
	IPv6Only struct {
		Server netip.Addr
		Wait   time.Duration
	}
	// Ignored says that a message had no meaning: Reason has why.
	Ignored struct{ Reason string }
	// TookOver is the first event where the link was taken over, from the process
	// PID, called From; Lease is what it had, nil for none.
	TookOver struct {
		PID   int
		From  string
		Lease *lease.Lease
	}
	// HandedOver says that the process PID, called Name, gets the link and goes
	// on from Lease, nil for none. What follows is Stopped.
	HandedOver struct {
		PID   int
		Name  string
		Lease *lease.Lease
	}
	// Stopped is the last event but the Transition to OFF. Lease was left on
	// the link; nil for none.
	Stopped struct{ Lease *lease.Lease }
)

func (Transition) event()    {}
func (Bound) event()         {}
func (Renewed) event()       {}
func (Expired) event()       {}
func (Refused) event()       {}
func (Declined) event()      {}
func (Lost) event()          {}
func (Released) event()      {}
func (Unanswered) event()    {}
func (UsingStored) event()   {}
func (RouterChanged) event() {}
func (Changed) event()       {}
func (OtherServer) event()   {}
func (Verified) event()      {}
func (ApplyFailed) event()   {}
func (ProbeFailed) event()   {}
func (NoServer) event()      {}
func (IPv6Only) event()      {}
func (Ignored) event()       {}
func (TookOver) event()      {}
func (HandedOver) event()    {}
func (Stopped) event()       {}

// LostToAnother is the Reason of a Lost lease that no server has confirmed, as
// Config.Fallback, and of which another station has the address.
const LostToAnother = fsm.LostToAnother

// AnotherAddress is the Reason of Lost where the lease that takes its place is being
// checked already.
const AnotherAddress = fsm.AnotherAddress

// eventOf gives a notice its public type.
func eventOf(n fsm.Notice) Event {
	switch n.Kind {
	case fsm.Transition:
		return Transition{n.From, n.To, n.Text}
	case fsm.Bound:
		return Bound{n.Lease, n.Old}
	case fsm.Renewed:
		return Renewed{n.Lease, n.Old}
	case fsm.Expired:
		return Expired{n.Lease}
	case fsm.Refused:
		return Refused{n.Lease, n.Server, n.Text, n.Wait}
	case fsm.Declined:
		return Declined{n.Lease, answerer(n.MAC), n.Wait}
	case fsm.Lost:
		return Lost{n.Lease, n.Text}
	case fsm.Released:
		return Released{n.Lease}
	case fsm.Unanswered:
		return Unanswered{n.Server}
	case fsm.UsingStored:
		return UsingStored{n.Lease}
	case fsm.RouterChanged:
		return RouterChanged{n.Addr, hardware(n.MAC)}
	case fsm.OtherStation:
		return Changed{n.Lease, ChangedStation, stationText(n.Old), n.MAC.String()}
	case fsm.Verified:
		return Verified{n.Lease, answerer(n.MAC), n.Server}
	case fsm.ApplyFailed:
		return ApplyFailed{n.Lease, n.Err, n.Wait}
	case fsm.ProbeFailed:
		return ProbeFailed{n.Addr, n.Err}
	case fsm.NoServer:
		return NoServer{n.Wait}
	case fsm.IPv6Only:
		return IPv6Only{n.Server, n.Wait}
	case fsm.Stopped:
		return Stopped{n.Lease}
	case fsm.Ignored, fsm.Informed:
	}
	return Ignored{n.Text}
}

func hardware(a lease.HardwareAddr) net.HardwareAddr { return net.HardwareAddr(a[:]) }

// station is the other way round; what is not an Ethernet address is none.
func station(a net.HardwareAddr) (h lease.HardwareAddr) {
	if len(a) == len(h) {
		copy(h[:], a)
	}
	return h
}

// answerer is hardware, with nil for nobody.
func answerer(a lease.HardwareAddr) net.HardwareAddr {
	if a.IsZero() {
		return nil
	}
	return hardware(a)
}
