package option

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Text is the value as dhclient.leases(5) has it: elements with commas between
// them, texts in quotes, octets in hexadecimal with colons. Nothing in it can end
// the statement that it stands in. The error says what is wrong with the value.
func (r Row) Text(v []byte) (string, error) {
	if r.isUnknown() {
		return octetsText(v), nil
	}
	if f, ok := formats[r.Kind]; ok {
		list, err := r.elements(f, v)
		return strings.Join(list, ","), err
	}
	switch r.Kind {
	case Text, HostName, DomainName:
		return quote(v), nil
	case Names:
		return r.namesText(v)
	case Routes:
		list, err := r.elements(formats[U8s], v)
		return strings.Join(list, ","), err
	case Record:
		list, err := r.records(v)
		return strings.Join(list, ","), err
	case Empty:
		if len(v) > 0 {
			return "", r.bad("has a value")
		}
		return "", nil
	}
	return octetsText(v), nil
}

// isUnknown says that dhclient has no name for the option: to it the value is
// opaque.
func (r Row) isUnknown() bool { return strings.HasPrefix(r.Name, "unknown-") }

func (r Row) namesText(v []byte) (string, error) {
	names := lease.SearchList(v)
	if len(names) == 0 {
		return "", r.bad("holds no domain names")
	}
	for i, name := range names {
		names[i] = quote([]byte(name + "."))
	}
	return strings.Join(names, ", "), nil
}

// octetsText is a text in quotes where the octets are one, else hexadecimal.
func octetsText(v []byte) string {
	if len(v) > 0 && !bytes.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
		return quote(v)
	}
	return hexText(v)
}

// hexText is how dhclient prints octets: 1:2:a.
func hexText(v []byte) string {
	b := make([]byte, 0, 3*len(v))
	for i, c := range v {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(c), 16)
	}
	return string(b)
}

// quote puts a text in quotes, without the NULs at its end, which are no part of
// it.
func quote(v []byte) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range bytes.TrimRight(v, "\x00") {
		switch {
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		case strings.IndexByte("\"'$`\\", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Parse reads what Text writes, and what dhclient.conf(5) has for a value. The
// error says what it is not.
func (r Row) Parse(s string) ([]byte, error) {
	s = strings.TrimSpace(s)
	if !r.isUnknown() {
		if f, ok := formats[r.Kind]; ok {
			return r.join(f, strings.Split(s, ","))
		}
		switch r.Kind {
		case Text, HostName, DomainName:
			if strings.HasPrefix(s, `"`) {
				return r.unquote(s)
			}
			return []byte(s), nil
		case Names:
			return r.parseNames(s)
		case Routes:
			return r.join(formats[U8s], strings.Split(s, ","))
		case Record:
			return r.parseRecords(strings.Split(s, ","))
		case Empty:
			if s != "" {
				return nil, r.bad("has no value")
			}
			return nil, nil
		}
	}
	if strings.HasPrefix(s, `"`) {
		return r.unquote(s)
	}
	return r.parseHex(s)
}

func (r Row) parseHex(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	var v []byte
	for part := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return nil, r.bad("%.40q is neither a text in quotes nor octets like 01:02", s)
		}
		v = append(v, byte(n))
	}
	return v, nil
}

// parseNames reads names in quotes or without, with commas between them.
func (r Row) parseNames(s string) ([]byte, error) {
	var v []byte
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSuffix(strings.Trim(strings.TrimSpace(part), `"`), ".")
		if !lease.ValidName(part) {
			return nil, r.bad("%.40q is not a domain name", part)
		}
		for label := range strings.SplitSeq(part, ".") {
			v = append(append(v, byte(len(label))), label...)
		}
		v = append(v, 0)
	}
	return v, nil
}

// unquote reads a text in quotes: \nnn is an octet in octal, \xnn in
// hexadecimal, and \ before any other takes its meaning away.
func (r Row) unquote(s string) ([]byte, error) {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return nil, r.bad("%.40q has no quote at its end", s)
	}
	v := make([]byte, 0, len(s))
	for s = s[1 : len(s)-1]; s != ""; {
		c, rest, ok := unescape(s)
		if !ok {
			return nil, r.bad("%.40q is no text in quotes", s)
		}
		v, s = append(v, c), rest
	}
	return v, nil
}

func unescape(s string) (c byte, rest string, ok bool) {
	switch {
	case s[0] == '"':
		return 0, "", false
	case s[0] != '\\':
		return s[0], s[1:], true
	case len(s) < 2:
		return 0, "", false
	case len(s) >= 4:
		if n, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
			return byte(n), s[4:], true
		}
		if n, err := strconv.ParseUint(s[2:4], 16, 8); err == nil && s[1] == 'x' {
			return byte(n), s[4:], true
		}
	}
	return s[1], s[2:], true
}
