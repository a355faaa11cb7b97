package rawudp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// stand has a process in ns that is called name, with those arguments, and has a
// socket if file is one. It has all capabilities, or none if powerless, and ends with
// the test; its number is returned.
func stand(t *testing.T, ns *nettest.NS, name string, powerless bool, file *os.File, args ...string) int {
	t.Helper()
	script := filepath.Join(t.TempDir(), name)
	mustBe(t, "script", os.WriteFile(script, []byte("#!/bin/sh\necho ready\nread -r go\n"), 0o755), nil)
	words := append([]string{script}, args...)
	if powerless {
		words = append([]string{"setpriv", "--bounding-set=-all", "--inh-caps=-all"}, words...)
	}
	cmd := ns.Command(context.Background(), words[0], words[1:]...)
	if file != nil {
		cmd.ExtraFiles = []*os.File{file}
	}
	in, out := pipes(t, cmd)
	_, err := out.Read(make([]byte, 1))
	mustBe(t, "its word", err, nil)
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// A client of another kind that serves the link is named, before one of ours is
// asked for the link, and keeps it: what it has open or was told says so. Others are
// no hindrance.
func TestTakeover_ClientsOfOtherKinds(t *testing.T) {
	for _, c := range []struct {
		name, args string
		// packet is the protocol of a packet socket on the link that it has, udp
		// the address of a UDP socket of port 68.
		packet        int
		udp           string
		elsewhere, ok bool
		powerless     bool
	}{
		{name: "udhcpc", args: "-f -i eth0"},
		{name: "udhcpc"},
		{name: "udhcpc", args: "-ieth1", ok: true},
		{name: "udhcpc", args: "-i eth0", elsewhere: true, ok: true},
		{name: "udhcpc", args: "-i eth0", powerless: true, ok: true},
		{name: "dhclient", args: "-d eth0"},
		{name: "dhclient", args: "eth1", ok: true},
		{name: "dhclient", args: "-6 eth0", ok: true},
		{name: "dhcpcd", args: "eth0 [ip6]", ok: true},
		{name: "dhcpcd", args: "eth0 [ip4] [ip6]"},
		{name: "dhclient", args: "eth1", packet: unix.ETH_P_ALL},
		{name: "dhcpcd", args: "[manager] [ip4]", packet: unix.ETH_P_IP},
		{name: "systemd-networkd", ok: true},
		{name: "systemd-networkd", packet: unix.ETH_P_LLDP, ok: true},
		{name: "systemd-networkd", udp: "10.9.0.5"},
		{name: "NetworkManager", udp: "127.0.0.1", ok: true},
		{name: "tcpdump", args: "-i eth0", packet: unix.ETH_P_ALL, ok: true},
	} {
		t.Run(fmt.Sprintf("%s %s %x %s %v %v", c.name, c.args, c.packet, c.udp, c.elsewhere, c.powerless), func(t *testing.T) {
			r := newRig(t)
			link := r.link(t)
			r.near.IP(t, "address", "add", "10.9.0.5/24", "dev", "eth0")
			r.near.IP(t, "link", "set", "lo", "up")
			link.Addresses = []netip.Prefix{netip.MustParsePrefix("10.9.0.5/24")}
			asked := false
			r.holds(t, func(conn *Conn, a *Ask) { asked = true; gives("")(conn, a) })
			at := r.near
			if c.elsewhere {
				at = r.there
			}
			var file *os.File
			r.near.Do(t, func() { file = openSocket(t, link.Index, c.packet, c.udp) })
			pid := stand(t, at, c.name, c.powerless, file, strings.Fields(c.args)...)
			if file != nil {
				file.Close() // it is theirs alone
			}
			_, err := r.takes(t, link)
			var held *HeldError
			switch {
			case c.ok && err != nil:
				t.Errorf("refused: %v", err)
			case c.ok:
			case !errors.As(err, &held) || held.PID != pid || !held.Foreign || asked:
				t.Errorf("%v; was one of ours asked: %v", err, asked)
			case err.Error() != fmt.Sprintf("%.15s (process %d) serves this link: stop it first", c.name, pid):
				t.Errorf("it says %q", err)
			}
		})
	}
}

// openSocket opens a packet socket of a protocol on a link, or a UDP socket; nil for
// neither.
func openSocket(t *testing.T, index, proto int, udp string) *os.File {
	t.Helper()
	var fd int
	var err error
	switch {
	case proto != 0:
		be := proto>>8 | proto&0xff<<8
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(be), Ifindex: index})
		}
	case udp != "":
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		}
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(udp).As4(), Port: 68})
		}
	default:
		return nil
	}
	mustBe(t, "socket", err, nil)
	return os.NewFile(uintptr(fd), "socket")
}
