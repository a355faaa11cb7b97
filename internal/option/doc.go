// Package option has the options of DHCPv4 as data: a row for each, with its
// number, its names and what its value is.
//
// table.go has the rows, file.go the text that dhclient.leases and dhclient.conf
// have for a value, script.go what scripts are given, and udhcpc.go what the
// flag -x of udhcpc takes.
//
// Values come from the network. What a script is given of them holds no octet
// that a shell could take for more than text, however careless the script is:
// see Row.Dhclient.
package option

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Kind is what the octets of a value are.
type Kind uint8

// The kinds. Those with an s hold one or more.
const (
	Octets     Kind = iota // opaque
	Text                   // NVT ASCII (RFC 2132 2)
	HostName               // a text that is a host name
	DomainName             // a text of one domain name or, against RFC 2132, more
	Addr                   // an IPv4 address
	Addrs
	AddrPairs // two addresses each: destination and router, address and mask
	U8
	U8s
	U16
	U16s
	U32
	U32s
	S32
	Bool
	Names  // domain names, compressed (RFC 3397)
	Routes // prefixes and routers (RFC 3442)
	Empty  // nothing: that the option is there says all
	Record // what Row.Fields says
	SIP    // addresses, or names, behind an octet that says which (RFC 3361)
)

// A Row is an option.
type Row struct {
	// Code is its number, 1 to 254.
	Code uint8
	// Name is that of dhcp-options(5), or unknown-N.
	Name string
	// Udhcpc is the name that udhcpc's scripts have; empty if they have none.
	Udhcpc string
	// Kind is what its value is.
	Kind Kind
	// Fields are those of a Record, a letter for each: I and 6 are addresses, B S
	// L and b s l unsigned and signed integers of 8, 16 and 32 bits, f a flag. An
	// a behind them says that the last may come more than once, an A the whole.
	Fields string
}

// A Table is the standard options and those that a configuration defines. The
// zero Table has the standard ones, and so has a nil one.
type Table struct{ defined map[uint8]Row }

// Define adds an option, or gives one another name and kind. Its name is of
// letters, digits and hyphens.
func (t *Table) Define(r Row) error {
	if !isName(r.Name) {
		return fmt.Errorf("%q is no name for an option", r.Name)
	}
	if r.Code == 0 || r.Code == 255 {
		return fmt.Errorf("%d is not the number of an option, 1 to 254", r.Code)
	}
	if r.Kind == Record {
		if err := r.checkFields(); err != nil {
			return err
		}
	}
	if t.defined == nil {
		t.defined = map[uint8]Row{}
	}
	if r.Udhcpc == "" {
		r.Udhcpc = standard[r.Code].Udhcpc
	}
	t.defined[r.Code] = r
	return nil
}

// Defined are the options that a configuration has defined, by their numbers.
func (t *Table) Defined() []Row {
	if t == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(t.defined), func(a, b Row) int { return int(a.Code) - int(b.Code) })
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !(c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-' || s[i] == '_') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64 && s[0] != '-'
}

// ByCode returns the option of a number; ok is false for 0 and 255, which are
// none. An option that nobody has defined is opaque and called unknown-N.
func (t *Table) ByCode(code uint8) (r Row, ok bool) {
	if code == 0 || code == 255 {
		return Row{}, false
	}
	if t != nil {
		if r, ok := t.defined[code]; ok {
			return r, true
		}
	}
	if r := standard[code]; r.Name != "" {
		r.Code = code
		return r, true
	}
	return Row{Code: code, Name: "unknown-" + strconv.Itoa(int(code)), Udhcpc: standard[code].Udhcpc, Kind: standard[code].Kind}, true
}

// ByName returns the option of a name: dhclient's or udhcpc's, unknown-N, or the
// number itself.
func (t *Table) ByName(name string) (r Row, ok bool) {
	if t != nil {
		for _, r := range t.defined {
			if r.Name == name {
				return r, true
			}
		}
	}
	if code, ok := codes()[name]; ok {
		return t.ByCode(code)
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(name, "unknown-"), 10, 8)
	if err != nil {
		return Row{}, false
	}
	return t.ByCode(uint8(n))
}
