package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// An Option is one that a configuration wants sent, as it stands there: a code
// and the octets of its value.
type Option struct {
	Code  uint8
	Value []byte
}

// unsendable says, of each option that a configuration must not send as it
// likes, why.
//
// RFC 2131 table 5 leaves a client free in DISCOVER and REQUEST, but for those
// options that say which message it is; those are set by what the client does,
// and another value would make it lie.
var unsendable = map[uint8]string{
	optPad:         "it is no option but a filler (RFC 2132 3.1)",
	optEnd:         "it is no option but the end of them (RFC 2132 3.2)",
	optRequestedIP: "RequestIP sets it, and the state of the client (RFC 2131 4.3.2)",
	optOverload:    "no message of this client has options in other fields (RFC 2131 4.1)",
	optMessageType: "it is what the message is (RFC 2131 3)",
	optServerID:    "it names the server that was chosen (RFC 2131 4.3.2)",
	optParams:      "RequestOptions sets it",
	optMessage:     "it is for a DECLINE, a RELEASE or a NAK (RFC 2131 table 5)",
	optRapidCommit: "RapidCommit sets it, in a DISCOVER (RFC 4039 3.1)",
}

// SendOptions puts options into id: those of the identity in their fields, which
// must be empty, and the others into Options. A FQDN takes the place of the host
// name (RFC 4702 3.1), and a maximum message size below the link's that of the
// link's. All errors are returned, joined, in the order of the codes.
func (id *Identity) SendOptions(options map[uint8][]byte) error {
	var errs []error
	for _, code := range slices.Sorted(maps.Keys(options)) {
		if err := id.sendOption(code, options[code]); err != nil {
			errs = append(errs, fmt.Errorf("option %d: %w", code, err))
		}
	}
	if _, ok := options[optFQDN]; ok {
		id.Hostname = ""
		id.Options = slices.DeleteFunc(id.Options, func(o Option) bool { return o.Code == optHostname })
	}
	return errors.Join(errs...)
}

func (id *Identity) sendOption(code uint8, v []byte) error {
	if why, ok := unsendable[code]; ok {
		return errors.New(why)
	}
	if len(v) == 0 {
		return errors.New("it has no value")
	}
	switch code {
	case optClientID:
		// Beside the name of the client it belongs to every message.
		if id.ClientID != nil {
			return errors.New("the field ClientID is set too")
		}
		id.ClientID = slices.Clone(v)
		return nil
	case optHostname:
		if id.Hostname != "" {
			return errors.New("the field Hostname is set too")
		}
	case optVendorClass:
		if id.VendorClass != "" {
			return errors.New("the field VendorClass is set too")
		}
	case optMaxSize:
		return id.lowerMaxSize(v)
	}
	id.Options = append(id.Options, Option{code, slices.Clone(v)})
	return nil
}

// lowerMaxSize sets option 57 to what v says. A reply that is larger than the
// link's MTU would come in fragments, and those are not taken.
func (id *Identity) lowerMaxSize(v []byte) error {
	if len(v) != 2 {
		return fmt.Errorf("%d octets, where a size has 2 (RFC 2132 9.10)", len(v))
	}
	n := binary.BigEndian.Uint16(v)
	if n < 576 {
		return fmt.Errorf("maximum message size %d: 576 is the least (RFC 2132 9.10)", n)
	}
	if id.MaxSize == 0 || n < id.MaxSize {
		id.MaxSize = n
	}
	return nil
}
