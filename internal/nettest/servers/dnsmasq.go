package servers

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// dnsmasqMinLease is what dnsmasq raises a shorter lease to, and a forced option
// 51 only comes beside its own. For a shorter one the kernel rewrites what
// dnsmasq sends (dnsmasqShorten): the client sees the short time, and dnsmasq
// itself counts on to this.
const dnsmasqMinLease = 2 * time.Minute

func dnsmasqConfigure(dir string, o Options) ([]string, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("port=0")
	line("interface=%s", o.Interface)
	line("bind-interfaces")
	line("no-resolv\nno-hosts\nno-ping")
	line("dhcp-authoritative\nlog-dhcp")
	line("dhcp-leasefile=%s", filepath.Join(dir, "dnsmasq.leases"))
	mask := net.IP(net.CIDRMask(o.ServerAddr.Bits(), 32))
	line("dhcp-range=%v,%v,%v,%s", o.PoolFirst, o.PoolLast, mask, dnsmasqTime(o.Lease))
	// dnsmasq computes those that are not given from its own lease time.
	if o.Lease < dnsmasqMinLease {
		o.T1 = cmp.Or(o.T1, o.Lease/2)
		o.T2 = cmp.Or(o.T2, o.Lease*7/8)
	}
	if o.T1 != 0 {
		line("dhcp-option-force=58,%s", seconds(o.T1))
	}
	if o.T2 != 0 {
		line("dhcp-option-force=59,%s", seconds(o.T2))
	}
	// An empty value sends none, where the default is dnsmasq itself.
	line("dhcp-option=3%s", dnsmasqList(o.Router))
	line("dhcp-option=6%s", dnsmasqList(o.DNS...))
	if o.Domain != "" {
		line("dhcp-option=15,%s", o.Domain)
	}
	if o.MTU != 0 {
		line("dhcp-option=26,%d", o.MTU)
	}
	if o.Port != 0 {
		line("dhcp-alternate-port=%d,%d", o.Port, o.Port+1)
	}
	for mac, addr := range o.Reserved {
		line("dhcp-host=%s,%v", mac, addr)
	}
	for _, extra := range o.Extra {
		line("%s", extra)
	}
	conf := filepath.Join(dir, "dnsmasq.conf")
	if err := os.WriteFile(conf, []byte(b.String()), 0o644); err != nil {
		return nil, err
	}
	// In this mode it logs here and stays root, which is what a user namespace
	// has.
	return []string{"--no-daemon", "--conf-file=" + conf}, nil
}

func dnsmasqTime(d time.Duration) string {
	if d >= lease.Infinite {
		return "infinite"
	}
	return seconds(max(d, dnsmasqMinLease))
}

// dnsmasqShorten has the kernel write the lease time into what leaves port 67.
// Options 53 and 54 stand first in the answers of dnsmasq, so that option 51 is
// at octet 249 of the message: 1992 bits. UDP checksums are filled in later, or
// never on veth.
func dnsmasqShorten(o Options) error {
	if o.Lease >= dnsmasqMinLease {
		return nil
	}
	table := "nettest-" + o.Interface
	rules := fmt.Sprintf(`
add table ip %[1]s
delete table ip %[1]s
table ip %[1]s {
	chain shorten {
		type filter hook output priority 0
		oifname %[2]q udp sport 67 @ih,1992,16 0x3304 @ih,2008,32 set %[3]s
	}
}
`, table, o.Interface, seconds(o.Lease))
	cmd := o.NS.Command(context.Background(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nftables rule for a lease of %v: %w: %s", o.Lease, err, out)
	}
	return nil
}

func dnsmasqList(addrs ...netip.Addr) (s string) {
	for _, a := range addrs {
		if a.IsValid() {
			s += "," + a.String()
		}
	}
	return s
}

// dnsmasqLeases reads lines of expiry, MAC, address, name and client id; what
// ended has none.
func dnsmasqLeases(dir string) (map[netip.Addr]LeaseInfo, error) {
	b, err := os.ReadFile(filepath.Join(dir, "dnsmasq.leases"))
	if err != nil {
		return nil, err
	}
	leases := map[netip.Addr]LeaseInfo{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 5 {
			continue // the server's DUID
		}
		expires, err1 := strconv.ParseInt(f[0], 10, 64)
		mac, err2 := net.ParseMAC(f[1])
		addr, err3 := netip.ParseAddr(f[2])
		if err1 != nil || err2 != nil || err3 != nil {
			continue // the file is being written
		}
		l := LeaseInfo{Active: true, State: "leased", MAC: mac}
		if expires != 0 {
			l.Expires = time.Unix(expires, 0)
		}
		if f[3] != "*" {
			l.Hostname = f[3]
		}
		l.ClientID, _ = hex.DecodeString(strings.ReplaceAll(f[4], ":", "")) // "*" is none
		leases[addr] = l
	}
	return leases, nil
}
