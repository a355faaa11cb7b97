package e2e_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// forged begins every line that only a value of the network can have made, and
// canary is part of the name of every file that it would make.
const (
	forged = "FORGED"
	canary = "CANARY"
)

// hostileValues are what a shell, a file, a terminal or a parser of leases would
// take for more than a text. Where they name a program, it is there: it leaves a
// canary.
var hostileValues = [][]byte{
	[]byte("$(touch /CANARY1)"),
	[]byte("`touch /CANARY2`"),
	[]byte("x; touch /CANARY3; #"),
	[]byte("x\ntouch /CANARY4\nFORGED nameserver 192.0.2.66\nFORGED=1\n"),
	[]byte("x\r\nFORGED: x\r\n\r\ntouch /CANARY5"),
	[]byte("a.example\x00; touch /CANARY6"),
	[]byte("'; touch /CANARY7; '"),
	[]byte("\"; touch /CANARY8; \""),
	[]byte("x | touch /CANARY9 && touch /CANARY10 & touch /CANARY11"),
	[]byte("x > /CANARY12"),
	[]byte("<(touch${IFS}/CANARY13)"),
	[]byte("() { :;}; touch /CANARY14"),
	[]byte("a[$(touch /CANARY15)]"),
	[]byte("../../../../../../CANARY16"),
	[]byte("/CANARY17/../CANARY17"),
	[]byte("\x1b]0;FORGED\x07\x1b[2J\x1b[1;1HFORGED\x9b2J\b\v\f\x7f"),
	[]byte("\xff\xfe\u202eFORGED\u2028FORGED\u0085FORGED\xc0\x80"),
	[]byte("\"; }\nlease {\n  interface \"eth0\";\n  fixed-address 192.0.2.66;\n  option domain-name \"FORGED\";\n}\n"),
	[]byte("lease { interface \"eth0\"; fixed-address 192.0.2.66; } "),
	[]byte("\\"),
	[]byte("\\$(touch /CANARY19)\\\n\\"),
	[]byte("%s%n%1000000d%p"),
	[]byte("-rf /"),
	[]byte("--help"),
	[]byte("canary"),
	[]byte("x canary"),
	[]byte("canary/e#"),
	[]byte("canary#e#"),
	[]byte("canary,e#"),
	[]byte("PATH=/canary-bin"),
	[]byte("example.org\tcanary"),
	[]byte("* ? [a-z] ~root {a,b}"),
	everyOctet(),
	[]byte(""),
	[]byte(" "),
}

func everyOctet() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// longValues are for options in turn: what a script, or the kernel, would have too
// much of. All that the largest datagram has room for is in every message.
var longValues = [][]byte{
	bytes.Repeat([]byte("a"), longest),
	bytes.Repeat([]byte("a.example "), longest/10+1),
	bytes.Repeat([]byte("$(touch /CANARY18)"), longest/18+1),
}

// longest is a value, and long one of those beside it, of which there are longs.
const (
	longest = 20000
	long    = 5000
	longs   = 6
)

// upright are the options whose values are right: without them there is no
// lease to be hostile with, or (overload, client identifier) no message.
var upright = []uint8{1, 51, 52, 53, 54, 58, 59, 61}

// roundOption says in each message which round it is of, in a text that is
// allowed.
const roundOption = 230

// A canaryServer says another hostile value in every option and in the fields for
// texts, in each round; after as many rounds each option has had each value.
type canaryServer struct {
	*liar
	round   atomic.Int32
	refused atomic.Bool
}

// canaryRounds is after how many rounds values come again.
func canaryRounds() int { return max(len(hostileValues), (254+longs)/(longs+1)) }

// sing starts a canaryServer on s. Both links take datagrams of any size.
func (s *station) sing(t *testing.T, cli *station) *canaryServer {
	t.Helper()
	for _, at := range []*station{s, cli} {
		at.IP(t, "link", "set", "dev", "eth0", "mtu", "65535")
	}
	c := &canaryServer{}
	c.liar = s.lie(t, func(cfg *dhcptest.Config) {
		cfg.Lease, cfg.T1, cfg.T2 = time.Hour, time.Second, 2000*time.Second
		cfg.Script = func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			// The first REQUEST is refused, with a message.
			if req.MessageType() == dhcpv4.MessageTypeRequest && !c.refused.Swap(true) {
				return c.refuse(req, out)
			}
			return out
		}
		cfg.Mutate = func(_, reply *dhcpv4.DHCPv4) { c.spoil(reply, int(c.round.Load())) }
	})
	return c
}

// refuse makes NAKs of all answers, with a message that is for a shell.
func (c *canaryServer) refuse(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
	for i := range out {
		m, err := dhcpv4.FromBytes(out[i].Payload)
		if err != nil {
			return nil
		}
		nak := *m
		nak.YourIPAddr = []byte{0, 0, 0, 0}
		nak.Options = dhcpv4.Options{
			53: {byte(dhcpv4.MessageTypeNak)}, 54: m.Options[54], 61: req.Options[61],
			// Without blanks: a log has texts with blanks in quotes.
			56: []byte("no\n" + forged + "\x1b[2J;>/CANARY30;`>/CANARY31`;'>/CANARY32;'\">/CANARY33"),
		}
		out[i].Payload = nak.ToBytes()
		out[i].Dst, out[i].MAC = broadcastTo()
	}
	return out
}

// spoil gives every option the value that is its in that round.
func (c *canaryServer) spoil(m *dhcpv4.DHCPv4, round int) {
	size := longest
	for code := 1; code <= 254; code++ {
		if slices.Contains(upright, uint8(code)) || code == roundOption {
			continue
		}
		v := hostileValues[(code+round)%len(hostileValues)]
		if code%canaryRounds() == round%canaryRounds() {
			v = longValues[round%len(longValues)][:size]
			size = long
		}
		m.Options[uint8(code)] = slices.Clone(v)
	}
	m.Options[roundOption] = []byte(roundName(round))
	m.ServerHostName = cut(hostileValues[round%len(hostileValues)], 63)
	m.BootFileName = cut(hostileValues[(round+7)%len(hostileValues)], 127)
}

func roundName(n int) string { return fmt.Sprintf("round-%d", n) }

func cut(v []byte, n int) string { return strings.Clone(string(v[:min(n, len(v))])) }

// broadcastTo is where a NAK goes.
func broadcastTo() (netip.AddrPort, lease.HardwareAddr) {
	return netip.AddrPortFrom(all1, 68), lease.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
}
