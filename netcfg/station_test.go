package netcfg

import (
	"net"
	"testing"
	"time"
)

// Each link is a station of the host, also one that is down and has no address; one
// that comes is known a moment later.
func TestIsStation(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "add", "d0", "address", "02:00:00:00:00:d0", "type", "bridge")
	for station, want := range map[string]bool{"02:00:00:00:00:d0": true, "02:00:00:00:00:d1": false, "00:00:00:00:00:00": false} {
		mac, err := net.ParseMAC(station)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.handle.IsStation(mac); got != want {
			t.Errorf("%s: %v", station, got)
		}
	}
	b.IP(t, "link", "add", "d1", "address", "02:00:00:00:00:d1", "type", "bridge")
	for limit := time.Now().Add(10 * time.Second); !b.handle.IsStation(net.HardwareAddr{2, 0, 0, 0, 0, 0xd1}); time.Sleep(stationsAge / 10) {
		if time.Now().After(limit) {
			t.Fatal("a link that came is not known")
		}
	}
	if b.handle.IsStation(nil) {
		t.Error("no address is one")
	}
}
