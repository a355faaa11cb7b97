package lease

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// An object is a JSON object that is being written, octet for octet as package
// json would write a document. That would first find out by reflection what there
// is to write: 0.3 ms, for which the first address of a process would wait, since
// its lease is stored before.
type object struct{ b []byte }

// name begins a member.
func (o *object) name(name string) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), `":`...)
}

// end is the whole of it; no member may be added after.
func (o *object) end() []byte { return append(o.b, '}') }

// text adds a member unless it is empty.
func (o *object) text(name, s string) {
	if s != "" {
		o.name(name)
		o.b = appendText(o.b, s)
	}
}

func (o *object) number(name string, n int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, n, 10)
}

// seconds adds a time in seconds, unless it is zero.
func (o *object) seconds(name string, d time.Duration) {
	if s := d.Seconds(); s != 0 {
		o.name(name)
		o.b = strconv.AppendFloat(o.b, s, 'f', -1, 64)
	}
}

// texts adds a list unless it is empty.
func (o *object) texts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	o.name(name)
	sep := byte('[')
	for _, s := range list {
		o.b = appendText(append(o.b, sep), s)
		sep = ','
	}
	o.b = append(o.b, ']')
}

func (o *object) addrs(name string, list []netip.Addr) {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = addrString(a)
	}
	o.texts(name, texts)
}

// objects adds a list unless it is empty; each has a member at least.
func (o *object) objects(name string, list []object) {
	if len(list) == 0 {
		return
	}
	o.name(name)
	sep := byte('[')
	for _, one := range list {
		o.b = append(append(o.b, sep), one.end()...)
		sep = ','
	}
	o.b = append(o.b, ']')
}

// time adds a time in RFC 3339, which has years of four digits.
func (o *object) time(name string, t time.Time) error {
	b, err := t.MarshalJSON()
	o.name(name)
	o.b = append(o.b, b...)
	return err
}

// appendText writes a string. What needs more than quotes is rare: package json
// has the rules for it.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string cannot fail
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// MarshalJSON returns the public JSON form: address with its prefix length,
// times in RFC 3339, lease_seconds 4294967295 for a lease that never ends, and
// every option by its code in hexadecimal. What the lease carries for others
// stands there decoded too; it is read back from those.
func (l *Lease) MarshalJSON() ([]byte, error) {
	o := object{make([]byte, 0, 1024)}
	if l.Bits == 0 {
		o.text("address", l.Address.String())
	} else {
		o.text("address", l.Prefix().String())
	}
	o.text("broadcast", addrString(l.Broadcast))
	o.text("server", addrString(l.Server))
	if err := o.time("start", l.Start); err != nil {
		return nil, err
	}
	if at := l.ExpireAt(); !at.IsZero() {
		if err := o.time("expires_at", at); err != nil {
			return nil, err
		}
	}
	o.number("lease_seconds", int64(uint32(min(l.Valid, Infinite)/time.Second)))
	o.seconds("renew_seconds", l.T1)
	o.seconds("rebind_seconds", l.T2)
	o.routes(l.Routes)
	o.addrs("dns", l.DNS)
	o.text("domain", l.Domain)
	o.texts("search", l.Search)
	o.text("hostname", l.Hostname)
	if l.MTU != 0 {
		o.number("mtu", int64(l.MTU))
	}
	o.addrs("ntp", l.NTP)
	o.text("captive_portal", l.CaptivePortal)
	o.text("next_server", addrString(l.NextServer))
	o.text("server_name", l.ServerName)
	o.text("boot_file", l.BootFile)
	o.carried(l)
	o.text("hardware_addr", macString(l.HardwareAddr))
	o.text("client_id", hex.EncodeToString(l.ClientID))
	o.text("router_mac", macString(l.RouterMAC))
	o.options(l.Options)
	return o.end(), nil
}

// marshal is f as it is stored, in one line.
func (f *file) marshal() ([]byte, error) {
	l, err := f.Lease.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var o object
	o.number("version", int64(f.Version))
	o.text("boot_id", f.BootID)
	o.number("boot_time_ns", f.BootTime)
	o.name("lease")
	o.b = append(o.b, l...)
	return o.end(), nil
}

func (o *object) routes(routes []Route) {
	list := make([]object, len(routes))
	for i, r := range routes {
		dst, _ := r.Dst.MarshalText() // it cannot fail
		list[i].name("dst")
		list[i].b = appendText(list[i].b, string(dst))
		list[i].text("gateway", addrString(r.Gateway))
	}
	o.objects("routes", list)
}

// options adds those that there are, in the order of their codes as text.
func (o *object) options(all map[uint8][]byte) {
	if len(all) == 0 {
		return
	}
	codes := make([]string, 0, len(all))
	for code := range math.MaxUint8 + 1 {
		if _, ok := all[uint8(code)]; ok {
			codes = append(codes, strconv.Itoa(code))
		}
	}
	slices.Sort(codes)
	o.name("options")
	var one object
	for _, text := range codes {
		code, _ := strconv.Atoi(text)
		one.name(text)
		one.b = appendText(one.b, hex.EncodeToString(all[uint8(code)]))
	}
	o.b = append(o.b, one.end()...)
}
