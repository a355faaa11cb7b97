package netcfg

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tun adds a link that is not Ethernet, if this user may.
func (b *bench) tun(t *testing.T, name string) bool {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		t.Logf("without a tun link: %v", err)
		return false
	}
	must(t, f.Close())
	b.IP(t, "tuntap", "add", "dev", name, "mode", "tun")
	return true
}

type refusal struct {
	name string
	is   error
	text string
}

func TestLink_Refuses(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "add", "wan0", "type", "veth", "peer", "name", "wan1")
	tests := []refusal{
		{"eht0", ErrNoLink, `no link "eht0"; there is "eth0"`},
		{"eth1", ErrNoLink, `no link "eth1"; there is "eth0"`},
		{"wan", ErrNoLink, `no link "wan"; there are "wan0", "wan1"`},
		{"vlan17", ErrNoLink, `no link "vlan17"`},
		{"foo", ErrNoLink, `no link "foo"`},
		{"", ErrNoLink, `no link ""`},
		{strings.Repeat("x", 16), ErrNoLink, `no link "xxxxxxxxxxxxxxxx"`},
		{strings.Repeat("x", 200), ErrNoLink, `no link "` + strings.Repeat("x", 200) + `"`},
		{"lo", ErrNotEthernet, "lo is a loopback link, not Ethernet: DHCP needs Ethernet"},
	}
	if b.tun(t, "tun0") {
		tests = append(tests, refusal{"tun0", ErrNotEthernet, "tun0 is a tunnel, not Ethernet: DHCP needs Ethernet"})
	}
	for _, tt := range tests {
		_, err := b.handle.Link(tt.name, Config{})
		var link *LinkError
		if !errors.Is(err, tt.is) || !errors.As(err, &link) || err.Error() != tt.text {
			t.Errorf("link %q: %v, want %s", tt.name, err, tt.text)
		}
	}
	if _, err := b.handle.Link("eth0", Config{Metric: -1}); err == nil {
		t.Error("a negative metric is taken")
	}
	b.IP(t, "link", "property", "add", "dev", "eth0", "altname", "a-very-long-name-of-a-link")
	if _, err := b.handle.Link("a-very-long-name-of-a-link", Config{}); err != nil {
		t.Errorf("alternative name: %v", err)
	}
}

// A link that DHCP cannot use does not take the place of ours.
func TestLink_StrangeSuccessor(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	b.IP(t, "link", "del", "eth0")
	if !b.tun(t, "eth0") {
		return
	}
	for range 2 {
		if s, err := link.State(); err != nil || s.Index != 0 {
			t.Errorf("state %+v, %v", s, err)
		}
	}
	if err := link.Apply(t.Context(), newLease(t, lease5), nil); !errors.Is(err, ErrNoLink) {
		t.Errorf("apply: %v", err)
	}
	if got := strings.Count(b.log.String(), "eth0 is a tunnel"); got != 1 {
		t.Errorf("log: %s", b.log)
	}
}

func TestUsable(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	tests := []struct {
		link linkInfo
		is   error
		text string
	}{
		{linkInfo{hwType: unix.ARPHRD_ETHER, hwAddr: mac}, nil, ""},
		{linkInfo{hwType: unix.ARPHRD_LOOPBACK}, ErrNotEthernet, "x is a loopback link, not Ethernet: DHCP needs Ethernet"},
		{linkInfo{hwType: unix.ARPHRD_INFINIBAND}, ErrNotEthernet, "x is an InfiniBand link, not Ethernet: DHCP needs Ethernet"},
		{linkInfo{hwType: unix.ARPHRD_PPP}, ErrNotEthernet, "x is a point-to-point link, not Ethernet: DHCP needs Ethernet"},
		{linkInfo{hwType: unix.ARPHRD_ETHER, hwAddr: mac, flags: unix.IFF_POINTOPOINT}, ErrNotEthernet, "x is a point-to-point link, not Ethernet: DHCP needs Ethernet"},
		{linkInfo{hwType: unix.ARPHRD_SIT}, ErrNotEthernet, "x is a tunnel, not Ethernet: DHCP needs Ethernet"},
		{linkInfo{hwType: unix.ARPHRD_IEEE1394}, ErrNotEthernet, "x is a link of type 24, not Ethernet: DHCP needs Ethernet"},
		{linkInfo{hwType: unix.ARPHRD_ETHER, hwAddr: make([]byte, 6)}, ErrNoHardwareAddr, "x has no usable hardware address (000000000000)"},
		{linkInfo{hwType: unix.ARPHRD_ETHER, hwAddr: []byte{1, 0, 0, 0, 0, 1}}, ErrNoHardwareAddr, "x has no usable hardware address (010000000001)"},
		{linkInfo{hwType: unix.ARPHRD_ETHER}, ErrNoHardwareAddr, "x has no usable hardware address ()"},
	}
	for _, tt := range tests {
		tt.link.name = "x"
		err := usable(tt.link)
		if !errors.Is(err, tt.is) || err != nil && err.Error() != tt.text {
			t.Errorf("%+v: %v, want %q", tt.link, err, tt.text)
		}
	}
}

func TestNear(t *testing.T) {
	names := []string{"lo", "eth0", "eth1", "eth10", "enp3s0", "wlan0", "e"}
	for name, want := range map[string][]string{
		"eth":    {"eth0", "eth1"},
		"eth2":   {"eth0", "eth1"},
		"eht1":   {"eth1"},
		"emp2s0": {"enp3s0"},
		"wlan":   {"wlan0"},
		"x":      nil,
		"":       nil,
		"tun0":   nil,
	} {
		if got := near(name, names); !slices.Equal(got, want) {
			t.Errorf("near %q: %q, want %q", name, got, want)
		}
	}
}

// What the kernel sends is not doubted, but a short message is no panic.
func TestParse_ShortMessages(t *testing.T) {
	for n := range 40 {
		msg := make([]byte, n)
		for i := range msg {
			msg[i] = 0xff
		}
		if l, err := parseLink(msg); err == nil && n != unix.SizeofIfInfomsg && n < unix.SizeofIfInfomsg {
			t.Errorf("%d octets are link %+v", n, l)
		}
		if a, _, err := parseAddress(msg); err == nil && n < unix.SizeofIfAddrmsg {
			t.Errorf("%d octets are address %v", n, a)
		}
		if v := u32(attribute(msg, 1)); v != 0 {
			t.Errorf("%d octets hold %d", n, v)
		}
		m := &monitor{watchers: map[topic]*watcher{}, named: 1}
		m.dispatch(msg)
	}
}
