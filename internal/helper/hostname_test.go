package helper

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

func TestHostname_IsGiven(t *testing.T) {
	nettest.Require(t) // which has a UTS namespace
	cfg := netcfg.HostnameConfig{Always: true, State: filepath.Join(t.TempDir(), "hostname")}
	h, _ := start(t, Config{Hostname: &cfg})
	c, err := h.Hostname("eth0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, c, sample(t, 5))
	if got, _ := os.Hostname(); got != "box" {
		t.Errorf("the host is called %q", got)
	}
	if got := text(cfg.State); got != "box\n" {
		t.Errorf("noted is %q", got)
	}
}
