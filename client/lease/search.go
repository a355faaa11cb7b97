package lease

import (
	"slices"
	"strings"
)

const (
	maxName  = 253 // octets of a name as text; 255 on the wire (RFC 1035 3.1)
	maxLabel = 63
)

const (
	maxSearch = 32
	// maxTried bounds the names that are read to find those.
	maxTried = 4 * maxSearch
	// maxJumps bounds the pointers of one name: compressors need a few.
	maxJumps = 16
	pointer  = 0xc0 // the two high bits of a pointer's first octet
)

// SearchList reads RFC 3397's list of names, compressed as in RFC 1035 4.1.4
// over the whole of it. A name that is no host name, or that a pointer leads
// astray, is left out; where it cannot be told where the next name begins, the
// list ends. Each name's own octets are skipped once, and its pointers lead to no
// more than 255 octets: what a list expands to is bounded.
func SearchList(v []byte) (names []string) {
	at := 0
	for tried := 0; at < len(v) && len(names) < maxSearch && tried < maxTried; tried++ {
		next := nameEnd(v, at)
		if next == 0 {
			break
		}
		name := expand(v, at)
		at = next
		if ValidName(name) && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
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

// isLabel says that s may stand between the dots of a host name.
func isLabel(s string) bool {
	if len(s) == 0 || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; !(c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-') {
			return false
		}
	}
	return true
}
