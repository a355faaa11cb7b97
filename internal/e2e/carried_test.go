package e2e_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"
	"time"

	dhclient "github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// What servers are told to say for others than the client.
var carriedBy = map[servers.Kind][]string{
	servers.Dnsmasq: {
		"dhcp-option=114,https://portal.example/api", "dhcp-option=249,10.9.0.0/16,192.0.2.7",
		"dhcp-option=100,CET-1CEST", "dhcp-option=101,Europe/Berlin", "dhcp-option=option:sip-server,192.0.2.8",
		"dhcp-option=66,tftp.example", "dhcp-option=67,image", "dhcp-option=150,192.0.2.9",
		"dhcp-option=252,http://wpad.example/wpad.dat",
		"dhcp-option=43,01:02:61:62", "dhcp-option=125,00:00:0d:e9:04:01:02:61:62",
	},
	servers.ISC: {
		`option default-url "https://portal.example/api"; option pcode "CET-1CEST"; option tcode "Europe/Berlin";`,
		`option tftp-server-name "tftp.example"; option bootfile-name "image"; option tftp-server-address 192.0.2.9;`,
		`option vendor-encapsulated-options 01:02:61:62; option vivso 00:00:0d:e9:04:01:02:61:62;`,
	},
	servers.Kea: {`"option-data": [
		{"name": "v4-captive-portal", "data": "https://portal.example/api"},
		{"name": "pcode", "data": "CET-1CEST"}, {"name": "tcode", "data": "Europe/Berlin"},
		{"name": "tftp-server-name", "data": "tftp.example"}, {"name": "boot-file-name", "data": "image"},
		{"code": 150, "csv-format": false, "data": "c0000209"},
		{"code": 43, "csv-format": false, "data": "01026162"}, {"code": 125, "csv-format": false, "data": "00000de90401026162"},
		{"code": 162, "csv-format": false, "data": "001b00010503646e730004c00002070001000403646f74000300020355"}]`},
}

// Of real servers each says what a lease carries for others, and the lease has it
// decoded, in its JSON form too.
func TestCarried(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for kind, extra := range carriedBy {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			servers.Require(t, kind)
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2, o.Extra = time.Hour, 0, 0, extra
			servers.Start(t, kind, o)
			l, _ := embed(t, cli, dhclient.Config{RequestOptions: lease.Carried()})
			b, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]json.RawMessage
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"captive_portal": `"https://portal.example/api"`, "posix_time_zone": `"CET-1CEST"`, "time_zone": `"Europe/Berlin"`,
				"tftp_servers": `["192.0.2.9"]`, "vendor_options": `[{"code":1,"value":"6162"}]`, "vendor_info": `[{"enterprise":3561,"data":"01026162"}]`,
				"tftp_server_name": `"tftp.example"`, "boot_file_name": `"image"`,
			}
			switch kind {
			case servers.Dnsmasq:
				want["sip_servers"], want["wpad"] = `["192.0.2.8"]`, `"http://wpad.example/wpad.dat"`
				if r := (lease.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Gateway: host(7)}); !slices.Contains(l.Routes, r) {
					t.Errorf("routes %v are without that of option 249", l.Routes)
				}
			case servers.Kea:
				want["encrypted_dns"] = `[{"priority":1,"name":"dns","addresses":["192.0.2.7"],"alpn":["dot"],"port":853}]`
			}
			for name, value := range want {
				if string(got[name]) != value {
					t.Errorf("%s is %s, want %s", name, got[name], value)
				}
			}
		})
	}
}
