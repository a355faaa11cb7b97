package isc

import (
	"strings"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// kinds are the types of an option's definition (dhcp-options(5)).
var kinds = map[string]option.Kind{
	"boolean":                              option.Bool,
	"integer 32":                           option.S32,
	"signed integer 32":                    option.S32,
	"unsigned integer 8":                   option.U8,
	"unsigned integer 16":                  option.U16,
	"unsigned integer 32":                  option.U32,
	"ip-address":                           option.Addr,
	"text":                                 option.Text,
	"string":                               option.Octets,
	"zerolen":                              option.Empty,
	"domain-list":                          option.Names,
	"domain-list compressed":               option.Names,
	"array of ip-address":                  option.Addrs,
	"array of { ip-address }":              option.Addrs,
	"array of unsigned integer 8":          option.U8s,
	"array of unsigned integer 16":         option.U16s,
	"array of unsigned integer 32":         option.U32s,
	"array of { ip-address , ip-address }": option.AddrPairs,
}

// kindOf is the kind of the option code that a definition gives that type. ok
// is false for a type that is not of those.
func kindOf(code uint8, words string, options *option.Table) (k option.Kind, ok bool) {
	k, ok = kinds[words]
	if was, known := options.ByCode(code); known && was.Kind == option.Routes && k == option.U8s {
		// The usual way to get at options 121 and 249, with values that are
		// written the same.
		k = option.Routes
	}
	return k, ok
}

// isScalar says that an option has one value and a fixed length.
func isScalar(row option.Row) bool {
	switch row.Kind {
	case option.Record:
		return !strings.HasSuffix(row.Fields, "a") && !strings.HasSuffix(row.Fields, "A")
	case option.Addr, option.U8, option.U16, option.U32, option.S32, option.Bool, option.Empty:
		return true
	}
	return false
}

// isOpaque says that a value of the option may be written in hexadecimal.
func isOpaque(row option.Row) bool {
	return row.Kind == option.Octets || strings.HasPrefix(row.Name, "unknown-")
}
