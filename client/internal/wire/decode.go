package wire

import (
	"encoding/binary"
	"maps"
	"math"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// The fixed part of a message: where its fields begin and end (RFC 2131
// figure 1).
const (
	xidAt    = 4
	yiaddrAt = 16
	siaddrAt = 20
	chaddrAt = 28
	snameAt  = 44
	fileAt   = 108
	cookieAt = 236
)

// maxOption bounds what one option may make us hold (RFC 3396 4 allows as much
// as the message has): 32 instances of the longest option fit (OPT-08).
const maxOption = 8192

// A scan is what there is to be seen of options without taking them apart: it
// costs no memory, and most of a flood is rejected for it.
type scan struct {
	// count is how many instances of an option there are, 255 at most; first is
	// the length of the first.
	count, first [256]uint8
	// kind is the first octet of the first option 53.
	kind dhcpv4.MessageType
}

// A reply is a server's message, taken apart but not yet believed.
type reply struct {
	scan
	xid    uint32
	yiaddr netip.Addr
	// siaddr, sname and file are who and what a network boot goes on with: the
	// fields as they are, without what holds options instead.
	siaddr      netip.Addr
	sname, file []byte
	// options are the options with their instances concatenated.
	options map[uint8][]byte
}

// decode takes a message apart. s is what its options field looks like, and
// ended that it has an End.
func decode(b []byte, s scan, ended bool) (*reply, error) {
	r := &reply{
		scan:   s,
		xid:    binary.BigEndian.Uint32(b[xidAt:]),
		yiaddr: addr(b[yiaddrAt:]),
		siaddr: addr(b[siaddrAt:]),
		sname:  b[snameAt:fileAt],
		file:   b[fileAt:cookieAt],
	}
	if !ended {
		// Real servers forget End. The codec does not take that.
		b = append(b[:len(b):len(b)], optEnd)
	}
	p, err := dhcpv4.FromBytes(b)
	if err != nil {
		return nil, reject(BadOptions, "%v", err)
	}
	r.options = p.Options
	if err := r.overload(p.Options); err != nil {
		return nil, err
	}
	maps.DeleteFunc(r.options, func(_ uint8, v []byte) bool { return len(v) > maxOption })
	return r, nil
}

// overload reads the options in file and then sname, if option 52 says that
// some are there (RFC 2131 4.1). An option 52 among those has no meaning.
func (r *reply) overload(options dhcpv4.Options) error {
	said, ok := r.fixed(optOverload, 1)
	if !ok || said[0] < 1 || said[0] > 3 {
		return nil
	}
	where, outer := said[0], r.options[optOverload]
	for _, field := range []struct {
		bit    uint8
		broken *Reject
		text   *[]byte
	}{
		{1, fileField, &r.file},
		{2, snameField, &r.sname},
	} {
		if where&field.bit == 0 {
			continue
		}
		content := *field.text
		*field.text = nil
		if _, err := r.note(field.broken, content); err != nil {
			return err
		}
		if err := options.FromBytes(content); err != nil {
			return reject(BadOptions, "%v", err)
		}
	}
	r.options[optOverload] = outer
	return nil
}

// The fields that hold options, by what is said of them where they are broken.
var (
	optionsField = &Reject{BadOptions, "one runs past the end of the options field"}
	fileField    = &Reject{BadOptions, "one runs past the end of the file field"}
	snameField   = &Reject{BadOptions, "one runs past the end of the sname field"}
)

// note checks that a field is a sequence of whole options, else it is broken,
// and says whether End ended it. It remembers what the codec's concatenation of
// instances forgets: how many there were, and where the first ended.
func (s *scan) note(broken *Reject, field []byte) (ended bool, err error) {
	for len(field) > 0 {
		code := field[0]
		switch code {
		case optEnd:
			return true, nil
		case optPad:
			field = field[1:]
			continue
		}
		if len(field) < 2 || len(field) < 2+int(field[1]) {
			return false, broken
		}
		if s.count[code] == 0 {
			s.first[code] = field[1]
			if code == optMessageType && field[1] > 0 {
				s.kind = dhcpv4.MessageType(field[2])
			}
		}
		if s.count[code] < math.MaxUint8 {
			s.count[code]++
		}
		field = field[2+int(field[1]):]
	}
	return false, nil
}

// fixed returns the value of an option of n octets, of its first instance.
func (r *reply) fixed(code uint8, n int) ([]byte, bool) {
	v := r.options[code]
	if int(r.first[code]) != n || len(v) < n {
		return nil, false
	}
	return v[:n], true
}

// list returns the value of an option that holds elements of n octets, one at
// least.
func (r *reply) list(code uint8, n int) ([]byte, bool) {
	v := r.options[code]
	return v, len(v) > 0 && len(v)%n == 0
}
