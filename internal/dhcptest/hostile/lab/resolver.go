package lab

import (
	"net/netip"
	"strings"
)

// NameServers reads the lines of a file as resolv.conf(5) is one.
func NameServers(file string) (list []netip.Addr) {
	for line := range strings.Lines(file) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			list = append(list, a)
		}
	}
	return list
}
