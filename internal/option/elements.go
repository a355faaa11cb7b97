package option

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A format is how the elements of a value are: how long each is, and whether
// there may be more than one.
type format struct {
	size int
	many bool
	text func(v []byte) string
	// parse appends the octets of a text; nil for one that has none.
	parse func(s string) []byte
}

var formats = map[Kind]format{
	Addr:      {4, false, addrText, parseAddr},
	Addrs:     {4, true, addrText, parseAddr},
	AddrPairs: {8, true, pairText, parsePair},
	U8:        {1, false, u8Text, parseUint(8)},
	U8s:       {1, true, u8Text, parseUint(8)},
	U16:       {2, false, u16Text, parseUint(16)},
	U16s:      {2, true, u16Text, parseUint(16)},
	U32:       {4, false, u32Text, parseUint(32)},
	U32s:      {4, true, u32Text, parseUint(32)},
	S32:       {4, false, s32Text, parseInt(32)},
	Bool:      {1, false, boolText, parseBool},
}

// elements are the parts of a value whose kind has a format. The error says what
// is wrong with its length.
func (r Row) elements(f format, v []byte) ([]string, error) {
	if len(v) == 0 || len(v)%f.size != 0 || !f.many && len(v) != f.size {
		return nil, r.bad("%d octets are not what it has", len(v))
	}
	list := make([]string, 0, len(v)/f.size)
	for ; len(v) > 0; v = v[f.size:] {
		list = append(list, f.text(v[:f.size]))
	}
	return list, nil
}

// join is the reverse: the octets of texts.
func (r Row) join(f format, list []string) ([]byte, error) {
	if len(list) > 1 && !f.many {
		return nil, r.bad("has one value, not %d", len(list))
	}
	var v []byte
	for _, s := range list {
		b := f.parse(strings.TrimSpace(s))
		if b == nil {
			return nil, r.bad("%.40q is not one of its values", s)
		}
		v = append(v, b...)
	}
	if len(v) == 0 {
		return nil, r.bad("has no value")
	}
	return v, nil
}

func (r Row) bad(format string, args ...any) error {
	return fmt.Errorf("option %d (%s): %s", r.Code, r.Name, fmt.Sprintf(format, args...))
}

func addrText(v []byte) string { return netip.AddrFrom4([4]byte(v)).String() }
func pairText(v []byte) string { return addrText(v[:4]) + " " + addrText(v[4:]) }
func u8Text(v []byte) string   { return strconv.Itoa(int(v[0])) }
func u16Text(v []byte) string  { return strconv.Itoa(int(binary.BigEndian.Uint16(v))) }
func u32Text(v []byte) string  { return strconv.FormatUint(uint64(binary.BigEndian.Uint32(v)), 10) }
func s32Text(v []byte) string  { return strconv.Itoa(int(int32(binary.BigEndian.Uint32(v)))) }
func boolText(v []byte) string { return strconv.FormatBool(v[0] != 0) }

func parseAddr(s string) []byte {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return nil
	}
	return a.AsSlice()
}

func parsePair(s string) []byte {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '/' })
	if len(fields) != 2 {
		return nil
	}
	a, b := parseAddr(fields[0]), parseAddr(fields[1])
	if a == nil || b == nil {
		return nil
	}
	return append(a, b...)
}

func parseUint(bits int) func(string) []byte {
	return func(s string) []byte {
		n, err := strconv.ParseUint(s, 0, bits)
		if err != nil {
			return nil
		}
		return binary.BigEndian.AppendUint64(nil, n)[8-bits/8:]
	}
}

func parseBool(s string) []byte {
	switch s {
	case "true", "on", "1":
		return []byte{1}
	case "false", "off", "0":
		return []byte{0}
	}
	return nil
}
