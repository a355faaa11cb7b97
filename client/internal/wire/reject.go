package wire

import "fmt"

// A Reject is the error for a message that is not used, and says why. Its text
// is safe to log: it holds numbers and addresses, never the network's words.
type Reject struct {
	Reason Reason
	// Detail is what was found; empty where the reason says it all.
	Detail string
}

func (r *Reject) Error() string {
	if r.Detail == "" {
		return "message rejected: " + r.Reason.String()
	}
	return "message rejected: " + r.Reason.String() + ": " + r.Detail
}

// A Reason is why a message was rejected. The values are small and dense, so
// that counters of them are an array: [wire.NumReasons]uint64.
type Reason uint8

// The reasons, in the order of the checks.
const (
	// BadLength is a message without a whole header and cookie, or one that
	// no datagram could carry (RFC 2131 2).
	BadLength Reason = iota
	// NotReply is an op other than BOOTREPLY: a client's message.
	NotReply
	// OtherLink is an htype or hlen that is not Ethernet's.
	OtherLink
	// OtherClient is the chaddr of another station (RFC 2131 4.4.1).
	OtherClient
	// NoCookie is a BOOTP message, or none at all (RFC 2131 3).
	NoCookie
	// BadOptions is an option that runs past the end of its field.
	BadOptions
	// OtherExchange is another xid than that of the exchange under way.
	OtherExchange
	// NoType is a message without option 53: BOOTP (RFC 1534).
	NoType
	// BadType is an option 53 that came twice, has another length than 1 or is
	// no answer to a client.
	BadType
	// ForceRenew is a FORCERENEW, which needs an authentication that we do not
	// do (RFC 6704 3).
	ForceRenew
	// NotAwaited is an OFFER where an ACK or NAK is awaited, or the other way
	// round (RFC 2131 figure 5).
	NotAwaited
	// OtherClientID is an option 61 that is not ours (RFC 6842 3).
	OtherClientID
	// NoServerID is a DHCPOFFER without option 54 (RFC 2131 table 3).
	NoServerID
	// BadServerID is an option 54 that is no host's address.
	BadServerID
	// BadAddress is a yiaddr that no host can have (RFC 1122 3.2.1.3).
	BadAddress
	// BadMask is an offer with a mask shorter than a class A's, or with a hole
	// (RFC 950).
	BadMask
	// NoTime is a lease time of 0.
	NoTime
	// NotAuthenticated is a message that was to be signed by who has the secret,
	// and is not (RFC 3118 5.4).
	NotAuthenticated
	// Replayed is a signed message that was sent before (RFC 3118 5.4).
	Replayed

	// NumReasons is how many there are.
	NumReasons = iota
)

var reasonNames = [NumReasons]string{
	BadLength:     "length of no DHCP message",
	NotReply:      "not a reply",
	OtherLink:     "another kind of link",
	OtherClient:   "for another hardware address",
	NoCookie:      "no DHCP cookie",
	BadOptions:    "broken options",
	OtherExchange: "of another exchange",
	NoType:        "no message type",
	BadType:       "bad message type",
	ForceRenew:    "unauthenticated FORCERENEW",
	NotAwaited:    "of a type that is not awaited",
	OtherClientID: "for another client id",
	NoServerID:    "offer without server id",
	BadServerID:   "bad server id",
	BadAddress:    "bad address",
	BadMask:       "bad subnet mask",
	NoTime:        "lease time of 0",

	NotAuthenticated: "not authenticated",
	Replayed:         "authenticated, and sent before",
}

// String says the reason in a few words.
func (r Reason) String() string {
	if int(r) >= len(reasonNames) {
		return fmt.Sprintf("reason %d", uint8(r))
	}
	return reasonNames[r]
}

// Reasons returns every reason, for those who print the counters.
func Reasons() []Reason {
	all := make([]Reason, NumReasons)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

func reject(reason Reason, format string, args ...any) error {
	return &Reject{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// bare is a rejection that costs no memory, for what may come in a flood.
func bare(reason Reason) error { return &bareRejects[reason] }

var bareRejects = func() (all [NumReasons]Reject) {
	for i := range all {
		all[i].Reason = Reason(i)
	}
	return all
}()
