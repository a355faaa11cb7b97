package servers

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func iscConfigure(dir string, o Options) ([]string, error) {
	conf, db := filepath.Join(dir, "dhcpd.conf"), filepath.Join(dir, "dhcpd.leases")
	if err := os.WriteFile(conf, []byte(iscConf(o)), 0o644); err != nil {
		return nil, err
	}
	// dhcpd wants the file to exist.
	f, err := os.OpenFile(db, os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	f.Close()
	return []string{"-4", "-f", "-d", "--no-pid", "-cf", conf, "-lf", db, o.Interface}, nil
}

func iscConf(o Options) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("authoritative;\nping-check false;\nddns-update-style none;\ndb-time-format local;")
	// A renewal always extends the lease, however early it comes.
	line("dhcp-cache-threshold 0;")
	for _, which := range []string{"default", "min", "max"} {
		line("%s-lease-time %s;", which, seconds(o.Lease))
	}
	if o.T1 != 0 {
		line("option dhcp-renewal-time %s;", seconds(o.T1))
	}
	if o.T2 != 0 {
		line("option dhcp-rebinding-time %s;", seconds(o.T2))
	}
	if o.Router.IsValid() {
		line("option routers %v;", o.Router)
	}
	if len(o.DNS) != 0 {
		line("option domain-name-servers %s;", join(o.DNS))
	}
	if o.Domain != "" {
		line("option domain-name %q;", o.Domain)
	}
	if o.MTU != 0 {
		line("option interface-mtu %d;", o.MTU)
	}
	line("subnet %v netmask %v {", o.ServerAddr.Masked().Addr(), net.IP(net.CIDRMask(o.ServerAddr.Bits(), 32)))
	line("range %v %v;", o.PoolFirst, o.PoolLast)
	for _, extra := range o.Extra {
		line("%s", extra)
	}
	line("}")
	i := 0
	for mac, addr := range o.Reserved {
		line("host h%d { hardware ethernet %s; fixed-address %v; }", i, mac, addr)
		i++
	}
	return b.String()
}

func join(addrs []netip.Addr) string {
	var s []string
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return strings.Join(s, ", ")
}

// iscLeases reads a log of leases, in which the last word on an address holds.
func iscLeases(dir string) (map[netip.Addr]LeaseInfo, error) {
	b, err := os.ReadFile(filepath.Join(dir, "dhcpd.leases"))
	if err != nil {
		return nil, err
	}
	leases := map[netip.Addr]LeaseInfo{}
	for block := range strings.SplitSeq(string(b), "\nlease ") {
		head, body, ok := strings.Cut(block, " {\n")
		addr, err := netip.ParseAddr(head)
		if !ok || err != nil || !strings.Contains(body, "}") {
			continue // what comes before the first, or is being written
		}
		leases[addr] = iscLease(body)
	}
	return leases, nil
}

func iscLease(body string) (l LeaseInfo) {
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if line == "}" {
			break
		}
		line = strings.TrimSuffix(line, ";")
		switch f := strings.Fields(line); {
		case strings.HasPrefix(line, "binding state "):
			l.State = f[2]
			l.Active = l.State == "active"
		case strings.HasPrefix(line, "hardware ethernet "):
			l.MAC, _ = net.ParseMAC(f[2])
		case strings.HasPrefix(line, "ends epoch "):
			l.Expires = epoch(f[2])
		case strings.HasPrefix(line, "client-hostname "):
			l.Hostname = string(iscString(strings.TrimPrefix(line, "client-hostname ")))
		case strings.HasPrefix(line, "uid "):
			l.ClientID = iscString(strings.TrimPrefix(line, "uid "))
		}
	}
	return l
}

// iscString undoes the quoting of dhcpd: \ooo, \" and \\.
func iscString(s string) []byte {
	s = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	var b []byte
	for i := 0; i < len(s); i++ {
		var v int
		switch n, _ := fmt.Sscanf(s[i:], `\%3o`, &v); {
		case s[i] != '\\':
			b = append(b, s[i])
		case n == 1:
			b = append(b, byte(v))
			i += 3
		case i+1 < len(s):
			i++
			b = append(b, s[i])
		}
	}
	return b
}

func epoch(s string) time.Time {
	var sec int64
	if _, err := fmt.Sscan(s, &sec); err != nil {
		return time.Time{}
	}
	return time.Unix(sec, 0)
}
