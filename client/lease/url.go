package lease

import (
	"net/url"
	"strings"
)

const optWPAD = 252

// WPAD is option 252: the URL of a proxy configuration that the network wants
// browsers to run (draft-ietf-wrec-wpad-01 4.4.1); empty for none, or for one that
// ValidURL refuses. It is for a person to see. Nothing here acts on it, and nobody
// should who does not trust the network: who answers first says where the traffic
// of every browser goes.
func (l *Lease) WPAD() string {
	v := l.Options[optWPAD]
	if len(v) > 2*maxText {
		return ""
	}
	// A line end behind it is for clients of old that cut off the last octet.
	if s := strings.TrimRight(string(v), "\x00\r\n"); ValidURL(s) {
		return s
	}
	return ""
}

// urlMarks are the marks that may stand in a URI (RFC 3986 2). Neither space,
// quote nor control is among them.
const urlMarks = "-._~:/?#[]@!$&'()*+,;=%"

// ValidURL says that s is an http or https URL with a host, of 255 octets at most,
// all of them letters, digits and the marks of RFC 3986 2.
func ValidURL(s string) bool {
	if len(s) > maxText {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte(urlMarks, c) < 0 {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
}
