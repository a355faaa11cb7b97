package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A caller is a machine on which another program, not a person, calls dhclient or
// udhcpc. Who answers to the name is the client that Debian has, so that the test
// is held against it, or ours: nothing else is another.
type caller struct {
	*machine
	n *nettest.Sniffer
}

// callerSetUp gives the caller places of its own, and ours the name if that is
// wanted: in /run/bin, first in $PATH, and over Debian's dhclient.
const callerSetUp = `mkdir -p /run/network /run/bin
mkdir -p /etc/network /var/lib/dhcp; touch /etc/fstab
mount -n -t tmpfs none /var/lib/dhcp
`

func newCaller(t *testing.T, pkg string, ours bool, setUp string) *caller {
	t.Helper()
	all := callerSetUp
	if ours {
		p := program(t)
		all += fmt.Sprintf("ln -s %s /run/bin/udhcpc; ln -s %s /run/bin/dhclient; mount -n --bind %s /usr/sbin/dhclient\n", p, p, p)
	} else {
		all += "ln -s /bin/busybox /run/bin/udhcpc\n"
	}
	m := newMachine(t, pkg, theirResolvConf, all+setUp)
	c := &caller{machine: m, n: sniff(t, m.station)}
	t.Cleanup(func() {
		for _, pid := range c.running(t) { // what a failure has left
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill()
			}
		}
	})
	return c
}

// sh runs a line of shell on the machine, as a caller's script would be.
func (c *caller) sh(t *testing.T, line string) string {
	t.Helper()
	return c.run(t, "/bin/sh", "-c", "export PATH=/run/bin:/usr/sbin:/usr/bin:/sbin:/bin; "+line)
}

// running are the processes of the pid files.
func (c *caller) running(t *testing.T) (pids []int) {
	t.Helper()
	for _, path := range []string{"/run/dhclient.pid", "/run/dhclient.eth0.pid", "/run/udhcpc.eth0.pid", "/run/udhcpc.pid"} {
		if pid, err := strconv.Atoi(strings.TrimSpace(c.file(path))); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// has fails the test unless the link has an address of the server's, its route
// and its name server.
func (c *caller) has(t *testing.T) {
	t.Helper()
	eventually(t, "an address", func() bool { return strings.Contains(c.IP(t, "-4", "address", "show", "dev", "eth0"), "inet 192.0.2.") })
	eventually(t, "a route", func() bool { return strings.Contains(c.IP(t, "route"), "default via 192.0.2.1 ") })
	eventually(t, "name servers", func() bool { return strings.Contains(c.servers(t), "192.0.2.3") })
}

// isBare fails the test unless nothing is left on the link.
func (c *caller) isBare(t *testing.T) {
	t.Helper()
	eventually(t, "no address", func() bool { return !strings.Contains(c.IP(t, "-4", "address", "show", "dev", "eth0"), "inet ") })
}

// released fails the test unless the lease was given back, once.
func (c *caller) released(t *testing.T) {
	t.Helper()
	c.n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeRelease))
	if n := len(c.n.Matching(frame.IsDHCP(dhcpv4.MessageTypeRelease))); n != 1 {
		t.Errorf("%d RELEASEs", n)
	}
}

// held runs a scenario with the client that Debian has, and with ours.
func held(t *testing.T, pkg, setUp string, scenario func(t *testing.T, c *caller)) {
	t.Helper()
	t.Parallel()
	nettest.Require(t)
	for name, ours := range map[string]bool{"theirs": false, "ours": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, newCaller(t, pkg, ours, setUp))
		})
	}
}

const interfaces = "cat >/etc/network/interfaces <<'END'\niface eth0 inet dhcp\n\thostname box\n\tmetric 7\nEND\n"

// Debian's ifupdown, with dhclient: ifup configures the link by Debian's own
// script, ifdown gives the lease back.
func TestCaller_IfupdownDhclient(t *testing.T) {
	held(t, "ifupdown", interfaces, func(t *testing.T, c *caller) {
		c.sh(t, "ifup eth0")
		c.has(t)
		if got := c.IP(t, "route"); !strings.Contains(got, "default via 192.0.2.1 dev eth0 metric 7") {
			t.Errorf("the metric is not that of the file:\n%s", got)
		}
		pid := strings.TrimSpace(c.file("/run/dhclient.eth0.pid"))
		if !strings.Contains(c.file("/var/lib/dhcp/dhclient.eth0.leases"), "fixed-address 192.0.2.") {
			t.Errorf("the lease file has\n%s", c.file("/var/lib/dhcp/dhclient.eth0.leases"))
		}
		c.sh(t, "ifdown eth0")
		c.released(t)
		c.isBare(t)
		if _, err := os.Stat("/proc/" + pid); pid == "" || err == nil {
			t.Errorf("process %q of the pid file is still there", pid)
		}
		// And once more: nothing of the first time is in the way.
		c.sh(t, "ifup eth0")
		c.has(t)
		c.sh(t, "ifdown eth0")
		c.isBare(t)
	})
}

// Debian's ifupdown where there is no dhclient, but udhcpc.
func TestCaller_IfupdownUdhcpc(t *testing.T) {
	const noDhclient = interfaces + "rm -f /run/bin/dhclient; mount -n -t tmpfs none /usr/local; " +
		"cp -a /usr/sbin /run/sbin; rm -f /run/sbin/dhclient; mount -n --bind /run/sbin /usr/sbin; mount -n --bind /run/bin /usr/local/bin 2>/dev/null || { mkdir -p /usr/local/bin; mount -n --bind /run/bin /usr/local/bin; }; " +
		"rm -f /usr/sbin/udhcpc; cp -a /run/bin/udhcpc /usr/sbin/udhcpc\n"
	held(t, "ifupdown", noDhclient, func(t *testing.T, c *caller) {
		c.sh(t, "ifup eth0")
		c.has(t)
		c.sh(t, "ifdown eth0")
		c.released(t)
		c.isBare(t)
	})
}

// busybox's ifup and ifdown run these two lines (networking/ifupdown.c): the process
// of the pid file is ended, which gives the lease back. The script is Debian's, whose
// busybox itself is built without "inet" in ifup.
func TestCaller_BusyboxIfup(t *testing.T) {
	held(t, "", "mkdir -p /var/run; [ -L /var/run ] || mount -n --bind /run /var/run\n", func(t *testing.T, c *caller) {
		c.sh(t, "udhcpc -R -n -p /var/run/udhcpc.eth0.pid -i eth0 -x hostname:box")
		c.has(t)
		pid := c.running(t)[0]
		c.sh(t, "test -f /var/run/udhcpc.eth0.pid && kill `cat /var/run/udhcpc.eth0.pid` 2>/dev/null")
		c.released(t)
		eventually(t, "the end of the process", func() bool { return ended(pid) })
	})
}

// cloud-init runs dhclient with a script that does nothing, waits for the pid and
// the lease file and until the daemon is an orphan, kills it, and reads the lease
// (cloudinit/net/dhcp.py).
func TestCaller_CloudInitDhclient(t *testing.T) {
	held(t, "", "", func(t *testing.T, c *caller) {
		c.sh(t, "dhclient -1 -v -lf /run/dhclient.lease -pf /run/dhclient.pid eth0 -sf /bin/true")
		eventually(t, "a pid file", func() bool { return len(c.running(t)) == 1 })
		pid := c.running(t)[0]
		eventually(t, "an orphan", func() bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			_, rest, _ := strings.Cut(string(b), ") ")
			f := strings.Fields(rest)
			return err == nil && len(f) > 1 && f[1] == "1"
		})
		if strings.Contains(c.IP(t, "-4", "address", "show", "dev", "eth0"), "inet 192") {
			t.Error("the script does nothing, and there is an address")
		}
		p, err := os.FindProcess(pid)
		must(t, err)
		must(t, p.Kill())
		lease := cloudInitLease(c.file("/run/dhclient.lease"))
		for key, want := range map[string]string{"interface": "eth0", "subnet-mask": "255.255.255.0", "routers": "192.0.2.1", "domain-name-servers": "192.0.2.3"} {
			if lease[key] != want {
				t.Errorf("cloud-init reads %q as %s, want %q", lease[key], key, want)
			}
		}
		if !strings.HasPrefix(lease["fixed-address"], "192.0.2.") {
			t.Errorf("cloud-init reads %q as fixed-address", lease["fixed-address"])
		}
		// The next boot stage runs it again, at once.
		c.sh(t, "dhclient -1 -v -lf /run/dhclient.lease -pf /run/dhclient.pid eth0 -sf /bin/true")
	})
}

// cloudInitLease reads the last lease as cloud-init does: lines of the block with
// the semicolon, quotes and the word option taken away.
func cloudInitLease(file string) map[string]string {
	out := map[string]string{}
	for _, block := range strings.Split(file, "lease {")[1:] {
		block, _, _ = strings.Cut(block, "}\n")
		for line := range strings.Lines(block) {
			line = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(line), ";"), `"`, "")
			key, value, _ := strings.Cut(strings.TrimPrefix(line, "option "), " ")
			out[key] = value
		}
	}
	return out
}

// cloud-init's call of udhcpc: its script writes what it is told to a file, and
// configures nothing.
func TestCaller_CloudInitUdhcpc(t *testing.T) {
	const script = `cat >/run/script <<'END'
#!/bin/sh
case $1 in
deconfig) ip link set $interface up ;;
bound | renew) cat >/run/lease.json <<JSON
{"interface": "$interface", "fixed-address": "$ip", "subnet-mask": "$subnet", "routers": "${router%% *}", "static_routes": "${staticroutes}"}
JSON
;;
esac
END
chmod +x /run/script
`
	held(t, "", script, func(t *testing.T, c *caller) {
		c.sh(t, "udhcpc -O staticroutes -i eth0 -s /run/script -n -q -f -v -x 0x3d:2001020304")
		var got map[string]string
		if err := json.Unmarshal([]byte(c.file("/run/lease.json")), &got); err != nil {
			t.Fatalf("%v: %s", err, c.file("/run/lease.json"))
		}
		if got["interface"] != "eth0" || !strings.HasPrefix(got["fixed-address"], "192.0.2.") || got["subnet-mask"] != "255.255.255.0" || got["routers"] != "192.0.2.1" {
			t.Errorf("it writes %v", got)
		}
		m := c.n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeDiscover)).DHCP
		if id := m.Options[61]; string(id) != "\x20\x01\x02\x03\x04" {
			t.Errorf("the client id is % x", id)
		}
	})
}

// The argument vectors of those whose scripts are no more than them: dracut's
// network-legacy, ifupdown-ng, initramfs hooks of busybox.
func TestCaller_Vectors(t *testing.T) {
	for _, v := range []struct{ name, up, down string }{
		{"dracut", "echo 'send host-name \"box\";' >/etc/dhclient.conf; dhclient -4 -q -1 -cf /etc/dhclient.conf -pf /run/dhclient.eth0.pid -lf /run/dhclient.eth0.lease eth0", "kill $(cat /run/dhclient.eth0.pid)"},
		{"ifupdown-ng dhclient", "dhclient -pf /run/dhclient.eth0.pid eth0", "kill $(cat /run/dhclient.eth0.pid)"},
		{"ifupdown-ng udhcpc", "udhcpc -b -R -p /run/udhcpc.eth0.pid -i eth0", "kill $(cat /run/udhcpc.eth0.pid)"},
		{"initramfs", "udhcpc -n -q -i eth0 -s /etc/udhcpc/default.script", ":"},
		{"dhclient -r twice", "dhclient -pf /run/dhclient.eth0.pid -lf /run/l eth0", "dhclient -r -pf /run/dhclient.eth0.pid -lf /run/l eth0; dhclient -r -pf /run/dhclient.eth0.pid -lf /run/l eth0"},
		{"dhclient -x", "dhclient -pf /run/dhclient.eth0.pid -lf /run/l eth0", "dhclient -x -pf /run/dhclient.eth0.pid -lf /run/l eth0"},
	} {
		t.Run(strings.ReplaceAll(v.name, " ", "-"), func(t *testing.T) {
			held(t, "", "", func(t *testing.T, c *caller) {
				c.sh(t, v.up)
				c.has(t)
				pids := c.running(t)
				c.sh(t, v.down)
				for _, pid := range pids {
					eventually(t, "the end of the process", func() bool { return ended(pid) })
				}
			})
		})
	}
}

// ended says that a process is no more, or waits only to be asked how it ended.
func ended(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(b), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}
