package isc

import (
	"maps"
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// Modify returns what the statements default, supersede, prepend and append make
// of the options of a server's message, by code and in the order of the file:
//
//   - supersede puts its value in the place of any other; an empty one takes
//     the option away;
//   - default puts it where there is none;
//   - prepend and append put it before and after what there is, or in its
//     place if there is nothing. To an option that has one value, such as
//     subnet-mask, both values would be none: as dhclient's script reads only
//     the first, prepend is like supersede, and append like default.
//
// The names of domain-search are put on end as names, not as octets: a server's
// may point to each other (RFC 3397 2).
//
// Options 52, 53, 54 and 61 are never changed, for statements that would are
// skipped when the file is read. What the function returns shares no map with
// what it is given, and changes none of that. It is nil if there is no such
// statement.
func (i *Interface) Modify(f Facts) func(map[uint8][]byte) map[uint8][]byte {
	var list []statement
	for _, s := range i.statements {
		if s.op != opSend {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return func(options map[uint8][]byte) map[uint8][]byte {
		out := maps.Clone(options)
		if out == nil {
			out = map[uint8][]byte{}
		}
		for _, s := range list {
			v, ok := s.value(f)
			if !ok {
				v = nil
			}
			if v = s.apply(v, out[s.row.Code]); len(v) > 0 {
				out[s.row.Code] = v
			} else {
				delete(out, s.row.Code)
			}
		}
		return out
	}
}

// apply is what the statement, whose value is v, makes of the value was.
func (s *statement) apply(v, was []byte) []byte {
	switch o := s.op; {
	case o == opSupersede || len(was) == 0:
		return v
	case o == opDefault || len(v) == 0:
		return was
	case isScalar(s.row) && o == opPrepend:
		return v
	case isScalar(s.row):
		return was
	case s.row.Kind == option.Names:
		v, was = plainNames(v), plainNames(was)
	}
	joined := slices.Concat(v, was)
	if s.op == opAppend {
		joined = slices.Concat(was, v)
	}
	if len(joined) > maxValue {
		return was
	}
	return joined
}

// plainNames writes a list of names without pointers (RFC 1035 4.1.4). What is
// no host name is left out, as it would be from the lease.
func plainNames(v []byte) (out []byte) {
	for _, name := range lease.SearchList(v) {
		for label := range strings.SplitSeq(name, ".") {
			out = append(append(out, byte(len(label))), label...)
		}
		out = append(out, 0)
	}
	return out
}
