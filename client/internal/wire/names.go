package wire

import (
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// hostName reads a name from the network: without the NULs that some servers
// end it with (RFC 2132 2) and without the dot of the root, which does not
// change what it names. What is not a host name then is dropped: a repaired
// name would be the name of something else. That goes for the several names
// that some servers put into option 15, too; option 119 is for those.
func hostName(v []byte) string {
	s := strings.TrimSuffix(trimNUL(v), ".")
	if !lease.ValidName(s) {
		return ""
	}
	return s
}

func trimNUL(v []byte) string { return strings.TrimRight(string(v), "\x00") }

// printable returns s without its trailing NULs, n octets of it at most, with
// every octet that is not printable ASCII replaced: for logs and for option 56.
func printable(s string, n int) string {
	b := []byte(strings.TrimRight(s, "\x00"))
	b = b[:min(n, len(b))]
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// textOf reads a text for people (option 56).
func textOf(v []byte) string { return printable(string(v[:min(len(v), maxValue)]), maxValue) }
