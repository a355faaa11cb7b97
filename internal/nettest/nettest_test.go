package nettest_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) == "enter" {
		enter()
		return
	}
	nettest.Main(m)
}

func TestInside(t *testing.T) {
	nettest.Require(t)
	if os.Getpid() == 1 || os.Getppid() != 1 || os.Getuid() != 0 {
		t.Errorf("pid %d, ppid %d, uid %d: want root below process 1", os.Getpid(), os.Getppid(), os.Getuid())
	}
	links, err := net.Interfaces()
	if err != nil || len(links) != 1 || links[0].Name != "lo" || links[0].Flags&net.FlagUp == 0 {
		t.Errorf("links %+v, %v: want lo alone, up", links, err)
	}
	if err := os.WriteFile("/var/lib/dhclient-go/x", nil, 0o600); err != nil {
		t.Error(err)
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "DHCLIENT_GO_NETTEST_INIT=") {
			t.Error("the tests look like process 1 to those that they start")
		}
	}
}

func TestVeth(t *testing.T) {
	t.Parallel()
	a, b := nettest.NewNS(t, "left"), nettest.NewNS(t, "right")
	nettest.Veth(t, a, "eth0", b, "eth0")
	a.IP(t, "addr", "add", "192.0.2.1/24", "dev", "eth0")
	b.IP(t, "addr", "add", "192.0.2.2/24", "dev", "eth0")
	var conn net.PacketConn
	b.Do(t, func() {
		var err error
		if conn, err = net.ListenPacket("udp4", "192.0.2.2:9"); err != nil {
			t.Fatal(err)
		}
	})
	defer conn.Close()
	a.Do(t, func() {
		c, err := net.Dial("udp4", "192.0.2.2:9")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
	})
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 64)
	n, from, err := conn.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" {
		t.Fatalf("read %q from %v: %v", buf[:n], from, err)
	}
	out, err := a.Command(context.Background(), "ls", "/sys/class/net").Output()
	if err != nil || strings.Join(strings.Fields(string(out)), " ") != "eth0 lo" {
		t.Errorf("links in /sys of %s: %q, %v", a.Name, out, err)
	}
	if v6 := a.IP(t, "-6", "addr"); v6 != "" {
		t.Errorf("IPv6 is on:\n%s", v6)
	}
}

func TestNSEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("sub", func(t *testing.T) { name = nettest.NewNS(t, "short").Name })
	nettest.Require(t)
	if _, err := os.Stat("/run/netns/" + name); err == nil {
		t.Errorf("%s is still there", name)
	}
}

// What ends a test inside Do ends it there, and the thread goes home.
func TestDoLetsTestsEnd(t *testing.T) {
	n := nettest.NewNS(t, "fatal")
	nettest.Veth(t, n, "a", n, "b")
	done := make(chan bool)
	go func() {
		ended := true
		defer func() {
			l, err := net.Interfaces() // on the thread that was inside
			done <- ended && err == nil && len(l) == 1
		}()
		n.Do(t, func() {
			if l, err := net.Interfaces(); err != nil || len(l) != 3 {
				t.Errorf("inside: %v, %v", l, err)
			}
			n.Do(t, runtime.Goexit) // what t.FailNow does, twice inside
		})
		ended = false
	}()
	if !<-done {
		t.Error("went on after Goexit, or outside is not outside")
	}
	if l, err := net.Interfaces(); err != nil || len(l) != 1 {
		t.Errorf("outside: %v, %v", l, err)
	}
}
