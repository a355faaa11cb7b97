package wire

import (
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	maxName  = 253 // octets of a name as text; 255 on the wire (RFC 1035 3.1)
	maxLabel = 63
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

// isLabel says that s may stand between the dots of a host name.
func isLabel(s string) bool {
	n := len(s)
	return n > 0 && n <= maxLabel && s[0] != '-' && s[n-1] != '-' && isASCII(s, "-")
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

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

const (
	maxSearch = 32
	// maxTried bounds the names that are read to find those.
	maxTried = 4 * maxSearch
	// maxJumps bounds the pointers of one name: compressors need a few.
	maxJumps = 16
	pointer  = 0xc0 // the two high bits of a pointer's first octet
)

// searchList reads RFC 3397's list of names, compressed as in RFC 1035 4.1.4
// over the whole of it. A name that is no host name, or that a pointer leads
// astray, is left out; where it cannot be told where the next name begins, the
// list ends. Each name's own octets are skipped once, and its pointers lead to no
// more than 255 octets: what a list expands to is bounded.
func searchList(v []byte) (names []string) {
	at := 0
	for tried := 0; at < len(v) && len(names) < maxSearch && tried < maxTried; tried++ {
		next := nameEnd(v, at)
		if next == 0 {
			break
		}
		name := expand(v, at)
		at = next
		if lease.ValidName(name) && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			names = append(names, name)
		}
	}
	return names
}

// nameEnd returns where the name that begins at v[at] ends, 0 if it does not or
// has labels of a kind that does not exist.
func nameEnd(v []byte, at int) int {
	for at < len(v) {
		switch c := int(v[at]); {
		case c == 0:
			return at + 1
		case c <= maxLabel:
			at += 1 + c
		case c >= pointer && at+1 < len(v):
			return at + 2
		default:
			return 0
		}
	}
	return 0
}

// expand returns the name that begins at v[at], empty if it is none. A pointer
// must lead to before the labels that it ends (RFC 1035 4.1.4: "a prior
// occurrence"), so that no way leads in a circle.
func expand(v []byte, at int) string {
	name := make([]byte, 0, maxName)
	for start, jumps := at, 0; at < len(v); {
		c := int(v[at])
		end := at + 1 + c
		switch {
		case c == 0:
			return string(name)
		case c >= pointer && at+1 < len(v):
			to := (c&^pointer)<<8 | int(v[at+1])
			if jumps++; to >= start || jumps > maxJumps {
				return ""
			}
			start, at = to, to
		case c > maxLabel || end > len(v) || len(name)+1+c > maxName:
			return ""
		default:
			// A label with a dot would be read as two.
			label := string(v[at+1 : end])
			if !isLabel(label) {
				return ""
			}
			if len(name) > 0 {
				name = append(name, '.')
			}
			name = append(name, label...)
			at = end
		}
	}
	return ""
}
