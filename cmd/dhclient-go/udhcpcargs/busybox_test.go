package udhcpcargs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

func TestMain(m *testing.M) { nettest.Main(m) }

// What busybox's udhcpc sends for a command line is what we understand by it.
func TestBusyboxSendsTheSame(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	busybox := installed(t)
	for i, args := range [][]string{
		{"-V", "v"},
		{"-V", "", "-C"},
		{"-C", "-x", "0x3d:0100BEEFC0FFEE", "-x", "hostname:bbox", "-x", "lease:3600", "-x", `14:"dumpfile"`, "-V", "v"},
		{"-V", "v", "-o", "-O", "staticroutes", "-O", "0x42", "-O", "017", "-O", "router"},
		{"-V", "v", "-O", "wpad", "-x", "hostname:my box", "-x", "12:62", "-x", "hostname:", "-x", "tftp"},
		{"-V", "v", "-x", "dns:192.0.2.1,192.0.2.2", "-x", "dns:192.0.2.3", "-x", "61:1:2:fe:F", "-x", "62:123", "-x", "lease:tomorrow"},
		{"-V", "v", "-x", "routes:10.0.0.0 192.0.2.1,10.1.0.0 192.0.2.1", "-x", "staticroutes:10.0.0.0/8 192.0.2.1,0.0.0.0/0 192.0.2.2", "-x", "mtu=1400"},
		{"-V", "v", "-F", "h.example", "-x", "search:a.example", "-r", "192.0.2.9", "-x", ` 224: 'a "b"'  `, "-x", "timezone:-3600"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			a, err := Parse(args)
			if err != nil {
				t.Fatal(err)
			}
			want := a.options()
			got := sent(t, busybox, args)
			for code := 1; code < 255; code++ {
				if c := uint8(code); !bytes.Equal(got[c], want[c]) {
					t.Errorf("%q: busybox sends % x as option %d, we % x", args, got[c], code, want[c])
				}
			}
		})
	}
}

// installed is the path of busybox; without it the test is skipped, and fails in
// CI.
func installed(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("busybox")
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal("busybox is not installed")
	default:
		t.Skip("busybox is not installed")
	}
	return path
}

// options are those of a DISCOVER, but for the message's type, its maximum size
// and a client id of the hardware address.
func (a *Args) options() map[uint8][]byte {
	o := map[uint8][]byte{}
	for code, v := range a.Send {
		o[code] = v
	}
	if a.VendorClass != "" {
		o[60] = []byte(a.VendorClass)
	}
	if a.RequestIP.IsValid() {
		o[50] = a.RequestIP.AsSlice()
	}
	o[55] = a.Request()
	slices.Sort(o[55]) // busybox has no other order
	return o
}

// sent are the options of busybox's DISCOVER, in a namespace.
func sent(t *testing.T, busybox string, args []string) map[uint8][]byte {
	t.Helper()
	ns, peer := nettest.NewNS(t, "busybox"), nettest.NewNS(t, "peer")
	nettest.Veth(t, ns, "eth0", peer, "eth0")
	n := nettest.Capture(t, peer, "eth0")
	cmd := ns.Command(t.Context(), busybox, append([]string{"udhcpc", "-f", "-s", "/bin/true", "-i", "eth0"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	m := n.WaitFor(t, 20*time.Second, frame.IsDHCP(dhcpv4.MessageTypeDiscover)).DHCP
	o := map[uint8][]byte{}
	for code, v := range m.Options {
		o[code] = v
	}
	delete(o, 53)
	delete(o, 57)
	if id := append([]byte{1}, m.ClientHWAddr...); bytes.Equal(o[61], id) {
		delete(o, 61)
	}
	return o
}
