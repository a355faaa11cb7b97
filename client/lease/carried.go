package lease

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// A carriedOption is one that a lease carries for others: neither the protocol
// nor the link acts on it. A lease holds nothing of it but the octets in
// Lease.Options, which are stored, and a method of Lease decodes them each time
// that somebody asks: it costs a thousand leases nothing, and what is read from a
// file is checked as what came by the network was.
type carriedOption struct {
	code uint8
	// name is its member in the JSON form.
	name string
	// write adds that member, unless the value is none.
	write func(o *object, name string, l *Lease)
}

// carried are the rows, in the order of the JSON form. A new option is a row here
// and a method; its names and its form for scripts are its row of
// internal/option.
var carried = []carriedOption{
	{optDNR, "encrypted_dns", writeResolvers},
	{optWPAD, "wpad", func(o *object, name string, l *Lease) { o.text(name, l.WPAD()) }},
	{optTFTPServerName, "tftp_server_name", func(o *object, name string, l *Lease) { o.text(name, l.TFTPServerName()) }},
	{optBootFileName, "boot_file_name", func(o *object, name string, l *Lease) { o.text(name, l.BootFileName()) }},
	{optTFTPServers, "tftp_servers", func(o *object, name string, l *Lease) { o.addrs(name, l.TFTPServers()) }},
	{optSIPServers, "sip_servers", func(o *object, name string, l *Lease) { o.texts(name, l.SIPServers()) }},
	{optTimeZone, "time_zone", func(o *object, name string, l *Lease) { o.text(name, l.TimeZone()) }},
	{optPosixTimeZone, "posix_time_zone", func(o *object, name string, l *Lease) { o.text(name, l.PosixTimeZone()) }},
	{optVendorOptions, "vendor_options", writeVendorOptions},
	{optVendorInfo, "vendor_info", writeVendorInfo},
	{optTimeOffset, "utc_offset_seconds", writeOffset},
}

// Carried returns the codes of the options that a lease carries for others: those
// that have a method of Lease, and no field.
func Carried() []uint8 {
	codes := make([]uint8, len(carried))
	for i, c := range carried {
		codes[i] = c.code
	}
	return codes
}

// KeepCarried gives l those of the carried options of base that l is without: a
// server that renews a lease need not say again what has not changed. Options is
// replaced, not written to.
func (l *Lease) KeepCarried(base *Lease) {
	copied := false
	for _, c := range carried {
		v, was := base.Options[c.code]
		if _, is := l.Options[c.code]; is || !was {
			continue
		}
		if !copied {
			copied = true
			if l.Options = maps.Clone(l.Options); l.Options == nil {
				l.Options = map[uint8][]byte{}
			}
		}
		l.Options[c.code] = slices.Clone(v)
	}
}

// Malformed says that Options has an option that is carried for others, and that
// it does not hold what it should: its method of Lease returns none. It is false
// for option 43, which vendors fill as they like.
func (l *Lease) Malformed(code uint8) bool {
	for _, c := range carried {
		if c.code == code && len(l.Options[code]) > 0 {
			var o object
			c.write(&o, c.name, l)
			return len(o.b) == 0 && code != optVendorOptions
		}
	}
	return false
}

// carried adds what the lease carries for others.
func (o *object) carried(l *Lease) {
	for _, c := range carried {
		if len(l.Options[c.code]) > 0 {
			c.write(o, c.name, l)
		}
	}
}

// maxText is the longest text that is taken from one option: what one instance
// can hold.
const maxText = 255

// optionText is an option that is printable ASCII, without the NULs that some
// servers end it with (RFC 2132 2); empty for one that is not.
func (l *Lease) optionText(code uint8) string {
	v := l.Options[code]
	if len(v) > 2*maxText {
		return ""
	}
	if s := strings.TrimRight(string(v), "\x00"); ValidHeaderText(s, maxText) {
		return s
	}
	return ""
}

// maxServers is how many servers of a kind are taken.
const maxServers = 16

// servers reads a list of addresses: those that a host can have, in order, each
// once; nil where it is not whole (RFC 2132 2).
func servers(v []byte) (list []netip.Addr) {
	if len(v)%4 != 0 {
		return nil
	}
	for ; len(v) > 0 && len(list) < maxServers; v = v[4:] {
		if a := netip.AddrFrom4([4]byte(v)); UsableAddr(a) && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}
