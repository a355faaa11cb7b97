package main

import (
	"fmt"
	"strconv"
)

// optionNames are the options that --request-option knows by name: those of
// dhcp-options(5), which ISC dhclient takes, and udhcpc's where they differ.
var optionNames = map[string]uint8{
	"subnet-mask": 1, "subnet": 1,
	"time-offset": 2, "timezone": 2,
	"routers": 3, "router": 3,
	"time-servers": 4, "timesrv": 4,
	"domain-name-servers": 6, "dns": 6,
	"log-servers": 7, "logsrv": 7,
	"lpr-servers": 9, "lprsrv": 9,
	"host-name": 12, "hostname": 12,
	"boot-size": 13, "bootsize": 13,
	"domain-name": 15, "domain": 15,
	"swap-server": 16, "swapsrv": 16,
	"root-path": 17, "rootpath": 17,
	"interface-mtu": 26, "mtu": 26,
	"broadcast-address": 28, "broadcast": 28,
	"static-routes": 33, "routes": 33,
	"nis-domain": 40, "nisdomain": 40,
	"nis-servers": 41, "nissrv": 41,
	"ntp-servers": 42, "ntpsrv": 42,
	"vendor-encapsulated-options": 43,
	"netbios-name-servers":        44, "wins": 44,
	"netbios-scope":    47,
	"server-name":      66, // dhclient's name is tftp-server-name
	"tftp-server-name": 66, "tftp": 66,
	"bootfile-name": 67, "bootfile": 67,
	"smtp-server":   69,
	"domain-search": 119, "search": 119,
	"sip-servers": 120, "sipsrv": 120,
	"classless-static-routes": 121, "rfc3442-classless-static-routes": 121, "staticroutes": 121,
	"captive-portal": 114,
	"posix-timezone": 100, "pcode": 100, "tzstr": 100,
	"tzdb-timezone": 101, "tcode": 101, "tzdbstr": 101,
	"tftp-server-address": 150,
	"6rd":                 212, "ip6rd": 212,
	"msstaticroutes": 249,
	"wpad":           252,
}

// optionCode reads the number of an option, 1 to 254, or its name.
func optionCode(s string) (uint8, error) {
	if code, ok := optionNames[s]; ok {
		return code, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n == 0 || n == 255 {
		return 0, fmt.Errorf("%q is neither the number of an option, 1 to 254, nor a name like ntp-servers", s)
	}
	return uint8(n), nil
}
