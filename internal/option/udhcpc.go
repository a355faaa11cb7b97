package option

import (
	"encoding/hex"
	"net/netip"
	"strings"
)

// ParseUdhcpc reads the value that the flag -x of udhcpc has behind an option's
// name: texts, numbers and addresses as they are, lists with commas or blanks
// between them, and the octets of an option without a name in hexadecimal, or as
// a text in quotes of either kind.
func (r Row) ParseUdhcpc(s string) ([]byte, error) {
	if r.Udhcpc != "" && (r.Kind == Routes || r.Kind == AddrPairs) {
		return r.parsePairs(listOf(s, true))
	}
	if f, ok := formats[r.Kind]; ok && r.Udhcpc != "" {
		return r.join(f, listOf(s, f.many))
	}
	switch {
	case r.Udhcpc == "":
	case r.Kind == Names:
		return r.parseNames(strings.Join(listOf(s, true), ","))
	case r.Kind == Text || r.Kind == HostName || r.Kind == DomainName || r.Name == "vendor-class-identifier":
		if s == "" {
			return nil, r.bad("has no value")
		}
		return []byte(s), nil
	}
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') {
		return []byte(strings.TrimSuffix(s[1:], s[:1])), nil
	}
	v, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(s))
	if err != nil || len(v) == 0 {
		return nil, r.bad("%.40q is neither octets like 0102 nor a text in quotes", s)
	}
	return v, nil
}

// parsePairs reads pairs of a destination and a router: of addresses, with a slash
// or a hyphen between them too, or of a prefix and a router.
func (r Row) parsePairs(list []string) (v []byte, err error) {
	if r.Kind == AddrPairs {
		list = strings.FieldsFunc(strings.Join(list, " "), func(c rune) bool { return c == ' ' || c == '/' || c == '-' })
	}
	if len(list) == 0 || len(list)%2 != 0 {
		return nil, r.bad("is not pairs of a destination and a router")
	}
	for ; len(list) > 0; list = list[2:] {
		if r.Kind == AddrPairs {
			list[0] += "/32"
		}
		dst, err := netip.ParsePrefix(list[0])
		via := parseAddr(list[1])
		if err != nil || !dst.Addr().Is4() || via == nil {
			return nil, r.bad("%.40q by %.40q is no route", list[0], list[1])
		}
		to := dst.Addr().AsSlice()
		if r.Kind == Routes {
			to = append([]byte{byte(dst.Bits())}, to[:(dst.Bits()+7)/8]...)
		}
		v = append(append(v, to...), via...)
	}
	return v, nil
}

func listOf(s string, many bool) []string {
	if !many {
		return []string{s}
	}
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}
