package option

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const optSixRD = 212

// marks are what a value for a script may have beside letters and digits, and,
// between the elements of a list, blanks. There is nothing among them by which a
// shell could be told more than a text, were it even evaluated. The mark # is not
// among them: behind it the rest of a sed command is a comment, and s/x/$value/
// in a script would do what a value like "reboot/e#" says.
const marks = "._:/@%+=,~?-"

// IsSafe says that s may be a value in the environment of a script: letters,
// digits and ._:/@%+=,~?- only, not beginning with a hyphen, which would make an
// option of it.
func IsSafe(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !(c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || strings.IndexByte(marks, s[i]) >= 0) {
			return false
		}
	}
	return s != "" && s[0] != '-'
}

// DhclientName is what dhclient's scripts call the option, behind new_ or old_.
func (r Row) DhclientName() string { return strings.ReplaceAll(r.Name, "-", "_") }

// Dhclient is the value for a script of dhclient's: elements with blanks between
// them. Each is a number, or else holds nothing but what IsSafe allows; a value
// that would hold more is an error. Opaque octets that are no such text are in
// hexadecimal. It is empty for a value that is, which no script is given.
func (r Row) Dhclient(v []byte) (string, error) {
	switch {
	case len(v) == 0 && r.Kind != Empty:
		return "", nil // scripts are not given what has no value
	case r.isUnknown():
		return octetsValue(v), nil
	}
	if f, ok := formats[r.Kind]; ok {
		list, err := r.elements(f, v)
		return strings.Join(list, " "), err
	}
	switch r.Kind {
	case Names:
		names := lease.SearchList(v)
		if len(names) == 0 {
			return "", r.bad("holds no domain names")
		}
		return strings.Join(names, ". ") + ".", nil
	case Routes:
		list, err := r.elements(formats[U8s], v)
		return strings.Join(list, " "), err
	case Record:
		list, err := r.records(v)
		return strings.Join(list, " "), err
	case Text, HostName, DomainName:
		return r.textValue(v)
	case Empty:
		return "1", nil
	}
	return octetsValue(v), nil
}

func octetsValue(v []byte) string {
	if s := string(v); IsSafe(s) {
		return s
	}
	return hexText(v)
}

// textValue is a text that holds what it should, and nothing that is not safe.
func (r Row) textValue(v []byte) (string, error) {
	s := strings.TrimRight(string(v), "\x00")
	switch r.Kind {
	case HostName:
		if s = strings.TrimSuffix(s, "."); !lease.ValidName(s) {
			return "", r.bad("%.60q is not a host name", s)
		}
	case DomainName:
		fields := strings.Split(s, " ")
		for i, name := range fields {
			if fields[i] = strings.TrimSuffix(name, "."); !lease.ValidName(fields[i]) {
				return "", r.bad("%.60q is not a domain name", name)
			}
		}
		return strings.Join(fields, " "), nil
	default:
		if !IsSafe(s) {
			return "", r.bad("%.60q has characters that are not for scripts", s)
		}
	}
	return s, nil
}

// UdhcpcName is what udhcpc's scripts call the option.
func (r Row) UdhcpcName() string {
	if r.Udhcpc != "" {
		return r.Udhcpc
	}
	return fmt.Sprintf("opt%d", r.Code)
}

// UdhcpcValue is the value for a script of udhcpc's, which holds no more than
// Dhclient's may. What udhcpc has no name for is in hexadecimal.
func (r Row) UdhcpcValue(v []byte) (string, error) {
	if r.Udhcpc == "" || len(v) == 0 {
		return hex.EncodeToString(v), nil
	}
	if f, ok := formats[r.Kind]; ok {
		list, err := r.elements(f, v)
		if r.Kind == AddrPairs {
			for i := range list {
				list[i] = strings.Replace(list[i], " ", "/", 1)
			}
		}
		return strings.Join(list, " "), err
	}
	switch r.Kind {
	case Names:
		names := lease.SearchList(v)
		if len(names) == 0 {
			return "", r.bad("holds no domain names")
		}
		return strings.Join(names, " "), nil
	case Routes:
		return r.routes(v)
	case SIP:
		return r.sipServers(v)
	case Record:
		return r.sixRD(v)
	case Text, HostName, DomainName:
		return r.textValue(v)
	}
	if s := string(v); IsSafe(s) && r.Kind == Octets && r.Name == "vendor-class-identifier" {
		return s, nil
	}
	return hex.EncodeToString(v), nil
}

// sipServers reads RFC 3361's servers, which are names or addresses.
func (r Row) sipServers(v []byte) (string, error) {
	switch v[0] {
	case 0:
		return Row{Code: r.Code, Name: r.Name, Udhcpc: r.Udhcpc, Kind: Names}.UdhcpcValue(v[1:])
	case 1:
		return Row{Code: r.Code, Name: r.Name, Udhcpc: r.Udhcpc, Kind: Addrs}.UdhcpcValue(v[1:])
	}
	return "", r.bad("%d is neither names nor addresses", v[0])
}

// sixRD is RFC 5969's record with all the digits of its prefix: udhcpc has a form
// of its own for that one.
func (r Row) sixRD(v []byte) (string, error) {
	list, err := r.records(v)
	if err != nil || r.Fields != standard[optSixRD].Fields {
		return strings.Join(list, " "), err
	}
	if v[0] > 32 || int(v[1])+32-int(v[0]) > 128 {
		return "", r.bad("lengths of %d and %d bits", v[0], v[1])
	}
	relays, err := r.elements(formats[Addrs], v[18:])
	prefix := netip.AddrFrom16([16]byte(v[2:18])).StringExpanded()
	return fmt.Sprintf("%d %d %s %s", v[0], v[1], prefix, strings.Join(relays, " ")), err
}

// routes reads RFC 3442's list: a length, so many octets of the destination, and
// a router.
func (r Row) routes(v []byte) (string, error) {
	var list []string
	for len(v) > 0 {
		bits := int(v[0])
		n := (bits + 7) / 8
		if bits > 32 || len(v) < 1+n+4 {
			return "", r.bad("is not a list of routes")
		}
		var dst [4]byte
		copy(dst[:], v[1:1+n])
		p := netip.PrefixFrom(netip.AddrFrom4(dst), bits).Masked()
		list = append(list, p.String()+" "+addrText(v[1+n:1+n+4]))
		v = v[1+n+4:]
	}
	if len(list) == 0 {
		return "", r.bad("is empty")
	}
	return strings.Join(list, " "), nil
}
