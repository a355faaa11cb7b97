package main

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// trace starts the command as a terminal of UTF-8 with 80 columns would.
func (s *site) trace(t *testing.T, args ...string) *process {
	t.Helper()
	return s.exec(t, append([]string{"env", "LC_ALL=C.UTF-8", "COLUMNS=80", "dhclient-go", "--lease-dir", filepath.Join(s.dir, "leases"), "--no-dns"}, args...)...)
}

// nakSecondRenewal makes a server renew once, and refuse then.
func nakSecondRenewal(c *dhcptest.Config) {
	c.Lease, c.T1, c.T2 = 20*time.Second, time.Second, 15*time.Second
	renewals := 0
	c.Script = func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
		if req.MessageType() != dhcpv4.MessageTypeRequest || req.ClientIPAddr.IsUnspecified() {
			return out
		}
		if renewals++; renewals != 2 {
			return out
		}
		nak, err := dhcpv4.NewReplyFromRequest(req, dhcpv4.WithMessageType(dhcpv4.MessageTypeNak),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(c.ServerID.AsSlice())), dhcpv4.WithOption(dhcpv4.OptMessage("the pool has changed")))
		if err != nil {
			panic(err)
		}
		nak.ClientIPAddr, nak.YourIPAddr = nil, nil
		all := netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 68)
		return []dhcptest.Reply{{Payload: nak.ToBytes(), Dst: all}}
	}
}

// varies is what is different in each run: the time, the transaction and the
// renewal, by a fraction.
var varies = regexp.MustCompile(`^.{10}|xid [0-9a-f]{8}|renewal in [0-9.]+m?s`)

// rungs are the rows of a ladder without what varies. Those of ARP are apart:
// another goroutine writes them.
func rungs(text string) (dhcp, arp []string) {
	for line := range strings.Lines(text) {
		line = varies.ReplaceAllStringFunc(strings.TrimSuffix(line, "\n"), func(s string) string {
			if strings.HasPrefix(s, "xid") || strings.HasPrefix(s, "renewal") {
				return s[:3] + " *"
			}
			return ""
		})
		line = strings.NewReplacer("─", "", "│", "", "┤", "", "  ", "").Replace(line)
		if line = strings.TrimSpace(line); strings.Contains(line, "ARP") {
			arp = append(arp, line)
		} else {
			dhcp = append(dhcp, line)
		}
	}
	return dhcp, arp
}

// A lease from its DISCOVER to a NAK, as a person sees it; standard output is as
// ever.
func TestTrace_DrawsTheLifeOfALease(t *testing.T) {
	s := newSite(t)
	s.link(t, nakSecondRenewal)
	p := s.trace(t, "--trace", "eth0")
	p.stderr.wait(t, "refused by NAK")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	p.stdout.contains(t, "eth0: 192.0.0.5/24 from 192.0.0.1, lease 20s")
	for line := range strings.Lines(p.stderr.String()) {
		if n := len([]rune(line)) - 1; n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	dhcp, arp := rungs(p.stderr.String())
	want := []string{
		"● OFF → SELECTING: started",
		"├ DISCOVER xid * ►all",
		"◄ OFFER 192.0.0.5 for 20s 192.0.0.1",
		"● SELECTING → REQUESTING: the offer is taken",
		"├ REQUEST 192.0.0.5 of 192.0.0.1 ►all",
		"◄ ACK 192.0.0.5 for 20s 192.0.0.1",
		"● REQUESTING → CHECKING: acknowledged",
		"● CHECKING → APPLYING: no other station has the address",
		"● APPLYING → BOUND: the link is configured",
		"bound: 192.0.0.5/24 for 20s, ren *",
		"● BOUND → RENEWING: T1",
		"├ REQUEST to keep 192.0.0.5 xid * ►192.0.0.1",
		"◄ ACK 192.0.0.5 for 20s 192.0.0.1",
		"● RENEWING → BOUND: acknowledged",
		"renewed: 192.0.0.5/24 for 20s, ren *",
		"● BOUND → RENEWING: T1",
		"├ REQUEST to keep 192.0.0.5 xid * ►192.0.0.1",
		`◄ NAK "the pool has changed" 192.0.0.1`,
		"● RENEWING → SELECTING: refused by NAK",
		"├ DISCOVER xid * ►all",
	}
	if len(dhcp) < 2+len(want) || !slices.Equal(dhcp[2:2+len(want)], want) {
		t.Errorf("the ladder is\n%s\nof it was seen\n%q", p.stderr, dhcp)
	}
	for _, row := range []string{
		"├ ARP who has 192.0.0.5? (probe) ►all", "├ ARP who has 192.0.0.5? (probe 3) ►all",
		"├ ARP 192.0.0.5 is mine ►all", "├ ARP who is the router 192.0.0.1? ►all",
	} {
		if !slices.Contains(arp, row) {
			t.Errorf("no %q in %q", row, arp)
		}
	}
}

// With -q standard output is silent, and the ladder is drawn all the same;
// without UTF-8 it is of ASCII.
func TestTrace_QuietAndASCII(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.exec(t, "env", "LC_ALL=C", "dhclient-go", "--lease-dir", filepath.Join(s.dir, "leases"), "--no-dns", "-1", "-q", "--trace", "eth0")
	p.exit(t, exitDone)
	if out := p.stdout.String(); out != "" {
		t.Errorf("standard output is %q", out)
	}
	p.stderr.contains(t, "* SELECTING -> REQUESTING: the offer is taken", "+- DISCOVER xid ", "-------->  all")
	if i := strings.IndexFunc(p.stderr.String(), func(r rune) bool { return r > '~' }); i >= 0 {
		t.Errorf("not ASCII: %q", p.stderr.String()[i:])
	}
}

// dhcpAndARP are what a capture has of a sniffer's frames.
func dhcpAndARP(s *nettest.Sniffer) (n int) {
	return len(s.Matching(func(f nettest.Frame) bool {
		return f.ARP != nil || f.UDP != nil && (f.UDP.SrcPort == 67 || f.UDP.DstPort == 67)
	}))
}

// packetBlocks counts the frames in a pcapng file: blocks of type 6, each behind
// another by the length that it has.
func packetBlocks(b []byte) (n int) {
	for len(b) >= 12 {
		if binary.LittleEndian.Uint32(b) == 6 {
			n++
		}
		b = b[min(max(binary.LittleEndian.Uint32(b[4:]), 12), uint32(len(b))):]
	}
	return n
}

// All frames of a life are in the file, the first DISCOVER and the RELEASE too:
// as many as another capture has.
func TestPcap_HasEveryFrame(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	sniffer := nettest.Capture(t, s.NS, "eth0")
	path := filepath.Join(s.dir, "trace.pcapng")
	p := s.start(t, "--on-exit=release", "--pcap", path, "eth0")
	p.stdout.wait(t, line0)
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if got := p.stderr.String(); got != "" {
		t.Errorf("stderr is %q", got)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeAck, dhcpv4.MessageTypeRelease} {
		if !strings.Contains(string(b), "\x35\x01"+string(rune(kind))) {
			t.Errorf("no %v in the file", kind)
		}
	}
	if n, want := packetBlocks(b), dhcpAndARP(sniffer); n != want {
		t.Errorf("there are %d frames in the file; the link had %d", n, want)
	}
	// A file that is there is not written over, and nothing is done.
	p = s.start(t, "-1", "--pcap", path, "eth0")
	p.exit(t, exitRuntime)
	p.stderr.contains(t, "dhclient-go: capture: "+path+" exists, and is not written over\n")
}

// To standard output, that is all there is on it.
func TestPcap_ToStandardOutput(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "-1", "--pcap", "-", "eth0")
	p.exit(t, exitDone)
	out := p.stdout.String()
	if !strings.HasPrefix(out, "\x0a\x0d\x0d\x0a") || strings.Contains(out, line0) || !strings.Contains(out, "\x63\x82\x53\x63\x35\x01\x01") {
		t.Errorf("standard output is %q", out)
	}
}

// Where nothing could be captured there is no file, which would be in the way of
// the next try.
func TestPcap_NoLinkIsNoFile(t *testing.T) {
	s := newSite(t)
	path := filepath.Join(s.dir, "trace.pcapng")
	p := s.start(t, "-1", "--pcap", path, "eth7")
	p.exit(t, exitRuntime)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file: %v", err)
	}
}

// A link that is removed and made again is captured from its first frame on: the
// client hears of it later than the capture.
func TestPcap_FollowsALinkThatIsMadeAnew(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	path := filepath.Join(s.dir, "trace.pcapng")
	p := s.start(t, "--pcap", path, "eth0")
	p.stdout.wait(t, line0)
	s.IP(t, "link", "delete", "eth0")
	far := nettest.NewNS(t, "far")
	far.IP(t, "link", "add", "name", "eth0", "type", "veth", "peer", "name", "eth0", "netns", s.Name)
	far.IP(t, "link", "set", "dev", "eth0", "up")
	sniffer := nettest.Capture(t, far, "eth0")
	s.IP(t, "link", "set", "dev", "eth0", "up")
	request := sniffer.WaitFor(t, patience, func(f nettest.Frame) bool { return f.DHCP != nil })
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), string(request.Raw)) {
		t.Errorf("the file lacks %v", request)
	}
}
