package lease

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// documentOf is what package json writes of a lease.
func documentOf(l *Lease) ([]byte, error) {
	d := document{
		Address: l.Prefix().String(), Broadcast: addrString(l.Broadcast), Server: addrString(l.Server),
		Start: l.Start, LeaseSeconds: uint32(min(l.Valid, Infinite) / time.Second),
		RenewSeconds: l.T1.Seconds(), RebindSeconds: l.T2.Seconds(),
		DNS: l.DNS, Domain: l.Domain, Search: l.Search, Hostname: l.Hostname, MTU: l.MTU, NTP: l.NTP,
		CaptivePortal: l.CaptivePortal, ClientID: hex.EncodeToString(l.ClientID),
		NextServer: addrString(l.NextServer), ServerName: l.ServerName, BootFile: l.BootFile,
		HardwareAddr: macString(l.HardwareAddr), RouterMAC: macString(l.RouterMAC),
	}
	if at := l.ExpireAt(); !at.IsZero() {
		d.ExpiresAt = &at
	}
	if l.Bits == 0 {
		d.Address = l.Address.String()
	}
	for _, r := range l.Routes {
		d.Routes = append(d.Routes, documentRoute{r.Dst, addrString(r.Gateway)})
	}
	if len(l.Options) > 0 {
		d.Options = make(map[string]string, len(l.Options))
		for code, v := range l.Options {
			d.Options[strconv.Itoa(int(code))] = hex.EncodeToString(v)
		}
	}
	return json.Marshal(d)
}

// A lease is written as package json would write a document, octet for octet.
func TestEncode_IsPackageJSONs(t *testing.T) {
	odd := full()
	odd.ServerName = "a\"b\\c<d>&e\x00\x1f\x7f\u2028é\xff\t"
	odd.Search = []string{odd.ServerName, ""}
	odd.T1, odd.T2 = 2*time.Second+250*time.Millisecond, 4294967294*time.Second
	odd.Options = map[uint8][]byte{}
	for code := range 256 {
		odd.Options[uint8(code)] = make([]byte, code%3)
	}
	for name, l := range map[string]*Lease{
		"full": full(), "odd": odd, "none": {},
		"least": {Address: addr("10.0.0.5"), Start: t0.Add(time.Nanosecond), Valid: time.Second},
		"infinite": {Address: addr("10.0.0.5"), Bits: 32, Start: t0, Valid: Infinite, Options: map[uint8][]byte{},
			Routes: []Route{{Dst: netip.MustParsePrefix("0.0.0.0/0")}, {}}, DNS: []netip.Addr{}},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := documentOf(l)
			if err != nil {
				t.Fatal(err)
			}
			got, err := l.MarshalJSON()
			if err != nil || string(got) != string(want) {
				t.Errorf("%s (%v)\nwant %s", got, err, want)
			}
			f := file{fileVersion, "boot", -5, l}
			if want, err = json.Marshal(f); err != nil {
				t.Fatal(err)
			}
			if got, err = f.marshal(); err != nil || string(got) != string(want) {
				t.Errorf("%s (%v)\nwant %s", got, err, want)
			}
		})
	}
	if _, err := (&Lease{Start: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}).MarshalJSON(); err == nil {
		t.Error("a year that RFC 3339 has not is no error")
	}
}
