package fsm

// A Reason is why the link is to be configured anew.
type Reason uint8

// The reasons. The first has no Apply: it is for programs that have to bring
// the link up before it is used; so is ReasonFail.
const (
	ReasonPreinit  Reason = iota
	ReasonBound           // a lease after DISCOVER
	ReasonRenew           // the server that gave it has renewed it
	ReasonRebind          // any server has renewed it
	ReasonReboot          // a server has confirmed a stored lease (INIT-REBOOT)
	ReasonStored          // no server answers, and a stored lease is used
	ReasonRefresh         // the link lost what was on it, or may have
	ReasonExpire          // the lease is over
	ReasonNak             // a server has refused it
	ReasonConflict        // another host has the address, or a script refuses it
	ReasonLost            // it was given up for something else
	ReasonFail            // there is no lease, and none is asked for for a while
	ReasonRelease         // it was given back
	ReasonStop            // the client ends
)

var reasonNames = [...]string{"preinit", "bound", "renew", "rebind", "reboot", "stored", "refresh",
	"expire", "nak", "conflict", "lost", "fail", "release", "stop"}

func (r Reason) String() string { return reasonNames[r] }

// AnotherAddress is why a lease is Lost that another one takes the place of.
const AnotherAddress = "the server gave another address"

// over is the event that a lease has come to its end.
type over struct{}

func (over) event() {}

// why says in a few words what made the machine change its state, for a person
// who reads a trace.
func why(from, to State, ev Event) string {
	switch ev := ev.(type) {
	case Start:
		if to == Rebooting {
			return "a stored lease"
		}
		return "started"
	case Tick:
		return whyInTime(from, to)
	case over:
		return "the lease is over"
	case Offer:
		return whyTaken(to, "the offer is taken")
	case Ack:
		return whyTaken(to, "acknowledged")
	case Nak:
		return "refused by NAK"
	case ForceRenew:
		return "its server wants it renewed"
	case Probed:
		if ev.By.IsZero() {
			return "no other station has the address"
		}
		return "another station has the address"
	case Applied:
		return whyApplied(to, ev)
	case Conflict:
		return "another station has the address"
	case Reached:
		return "another router"
	case LinkDown:
		if ev.Gone {
			return "the link is gone"
		}
		return "no carrier"
	case LinkUp:
		return "carrier"
	case NewHardwareAddr:
		return "another hardware address"
	case AddressGone:
		return "the address was taken away"
	case Renew:
		if ev.Rebind {
			return "asked to rebind"
		}
		return "asked to renew"
	case Release:
		return "asked to release"
	case Stop:
		if ev.Why != "" {
			return ev.Why
		}
		return "asked to stop"
	}
	return ""
}

// whyTaken is why for what a server has given, which may be not to be wanted.
func whyTaken(to State, why string) string {
	if to == V6Only {
		return "the network is IPv6-only"
	}
	return why
}

func whyApplied(to State, ev Applied) string {
	switch {
	case ev.Err == nil:
		return "the link is configured"
	case to == Waiting && ev.Refused:
		return "refused by the script"
	}
	return "the link cannot be configured"
}

// whyInTime is why for what a deadline has demanded.
func whyInTime(from, to State) string {
	switch {
	case from == BoundState && to == Renewing:
		return "T1"
	case to == Rebinding:
		return "T2"
	case to == V6Only:
		return whyTaken(to, "")
	case from == Selecting && to == Requesting:
		return "the best offer is taken"
	case from == Requesting:
		return "no acknowledgement"
	case from == Rebooting && to == Selecting:
		return "no answer"
	case from == Rebooting:
		return "its router vouches for the lease"
	case from == Checking && to == Applying:
		return "the probe gave no verdict"
	case from == Init || from == Waiting || from == V6Only:
		return "the wait is over"
	}
	return ""
}
