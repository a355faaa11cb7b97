package option

import (
	"maps"
	"slices"
	"sync"
)

// standard are the options that have a name: those of ISC's dhcp-options(5), of
// which opaque ones have forms of their own that nobody reads, and udhcpc's.
var standard = [256]Row{
	1:   {Name: "subnet-mask", Udhcpc: "subnet", Kind: Addr},
	2:   {Name: "time-offset", Udhcpc: "timezone", Kind: S32},
	3:   {Name: "routers", Udhcpc: "router", Kind: Addrs},
	4:   {Name: "time-servers", Kind: Addrs},
	5:   {Name: "ien116-name-servers", Kind: Addrs},
	6:   {Name: "domain-name-servers", Udhcpc: "dns", Kind: Addrs},
	7:   {Name: "log-servers", Kind: Addrs},
	8:   {Name: "cookie-servers", Kind: Addrs},
	9:   {Name: "lpr-servers", Udhcpc: "lprsrv", Kind: Addrs},
	10:  {Name: "impress-servers", Kind: Addrs},
	11:  {Name: "resource-location-servers", Kind: Addrs},
	12:  {Name: "host-name", Udhcpc: "hostname", Kind: HostName},
	13:  {Name: "boot-size", Udhcpc: "bootsize", Kind: U16},
	14:  {Name: "merit-dump", Kind: Text},
	15:  {Name: "domain-name", Udhcpc: "domain", Kind: DomainName},
	16:  {Name: "swap-server", Udhcpc: "swapsrv", Kind: Addr},
	17:  {Name: "root-path", Udhcpc: "rootpath", Kind: Text},
	18:  {Name: "extensions-path", Kind: Text},
	19:  {Name: "ip-forwarding", Kind: Bool},
	20:  {Name: "non-local-source-routing", Kind: Bool},
	21:  {Name: "policy-filter", Kind: AddrPairs},
	22:  {Name: "max-dgram-reassembly", Kind: U16},
	23:  {Name: "default-ip-ttl", Udhcpc: "ipttl", Kind: U8},
	24:  {Name: "path-mtu-aging-timeout", Kind: U32},
	25:  {Name: "path-mtu-plateau-table", Kind: U16s},
	26:  {Name: "interface-mtu", Udhcpc: "mtu", Kind: U16},
	27:  {Name: "all-subnets-local", Kind: Bool},
	28:  {Name: "broadcast-address", Udhcpc: "broadcast", Kind: Addr},
	29:  {Name: "perform-mask-discovery", Kind: Bool},
	30:  {Name: "mask-supplier", Kind: Bool},
	31:  {Name: "router-discovery", Kind: Bool},
	32:  {Name: "router-solicitation-address", Kind: Addr},
	33:  {Name: "static-routes", Udhcpc: "routes", Kind: AddrPairs},
	34:  {Name: "trailer-encapsulation", Kind: Bool},
	35:  {Name: "arp-cache-timeout", Kind: U32},
	36:  {Name: "ieee802-3-encapsulation", Kind: Bool},
	37:  {Name: "default-tcp-ttl", Kind: U8},
	38:  {Name: "tcp-keepalive-interval", Kind: U32},
	39:  {Name: "tcp-keepalive-garbage", Kind: Bool},
	40:  {Name: "nis-domain", Udhcpc: "nisdomain", Kind: DomainName},
	41:  {Name: "nis-servers", Udhcpc: "nissrv", Kind: Addrs},
	42:  {Name: "ntp-servers", Udhcpc: "ntpsrv", Kind: Addrs},
	43:  {Name: "vendor-encapsulated-options"},
	44:  {Name: "netbios-name-servers", Udhcpc: "wins", Kind: Addrs},
	45:  {Name: "netbios-dd-server", Kind: Addrs},
	46:  {Name: "netbios-node-type", Kind: U8},
	47:  {Name: "netbios-scope", Kind: Text},
	48:  {Name: "font-servers", Kind: Addrs},
	49:  {Name: "x-display-manager", Kind: Addrs},
	50:  {Name: "dhcp-requested-address", Kind: Addr},
	51:  {Name: "dhcp-lease-time", Udhcpc: "lease", Kind: U32},
	52:  {Name: "dhcp-option-overload", Kind: U8},
	53:  {Name: "dhcp-message-type", Kind: U8},
	54:  {Name: "dhcp-server-identifier", Udhcpc: "serverid", Kind: Addr},
	55:  {Name: "dhcp-parameter-request-list", Kind: U8s},
	56:  {Name: "dhcp-message", Udhcpc: "message", Kind: Text},
	57:  {Name: "dhcp-max-message-size", Kind: U16},
	58:  {Name: "dhcp-renewal-time", Kind: U32},
	59:  {Name: "dhcp-rebinding-time", Kind: U32},
	60:  {Name: "vendor-class-identifier", Udhcpc: "vendor"},
	61:  {Name: "dhcp-client-identifier"},
	62:  {Name: "nwip-domain", Kind: Text},
	63:  {Name: "nwip-suboptions"},
	64:  {Name: "nisplus-domain", Kind: Text},
	65:  {Name: "nisplus-servers", Kind: Addrs},
	66:  {Name: "tftp-server-name", Udhcpc: "tftp", Kind: Text},
	67:  {Name: "bootfile-name", Udhcpc: "bootfile", Kind: Text},
	68:  {Name: "mobile-ip-home-agent", Kind: Addrs},
	69:  {Name: "smtp-server", Kind: Addrs},
	70:  {Name: "pop-server", Kind: Addrs},
	71:  {Name: "nntp-server", Kind: Addrs},
	72:  {Name: "www-server", Kind: Addrs},
	73:  {Name: "finger-server", Kind: Addrs},
	74:  {Name: "irc-server", Kind: Addrs},
	75:  {Name: "streettalk-server", Kind: Addrs},
	76:  {Name: "streettalk-directory-assistance-server", Kind: Addrs},
	77:  {Name: "user-class", Kind: Text},
	78:  {Name: "slp-directory-agent", Kind: Record, Fields: "fIa"},
	79:  {Name: "slp-service-scope"},
	80:  {Name: "rapid-commit", Kind: Empty},
	81:  {Name: "fqdn"},
	82:  {Name: "relay-agent-information"},
	85:  {Name: "nds-servers", Kind: Addrs},
	86:  {Name: "nds-tree-name", Kind: Text},
	87:  {Name: "nds-context", Kind: Text},
	88:  {Name: "bcms-controller-names", Kind: Names},
	89:  {Name: "bcms-controller-address", Kind: Addrs},
	91:  {Name: "client-last-transaction-time", Kind: U32},
	92:  {Name: "associated-ip", Kind: Addrs},
	93:  {Name: "pxe-system-type", Kind: U16s},
	94:  {Name: "pxe-interface-id", Kind: Record, Fields: "BBB"},
	97:  {Name: "pxe-client-id"},
	98:  {Name: "uap-servers", Kind: Text},
	99:  {Name: "geoconf-civic"},
	100: {Name: "pcode", Udhcpc: "tzstr", Kind: Text},
	101: {Name: "tcode", Udhcpc: "tzdbstr", Kind: Text},
	108: {Name: "v6-only-preferred", Kind: U32},
	112: {Name: "netinfo-server-address", Kind: Addrs},
	113: {Name: "netinfo-server-tag", Kind: Text},
	114: {Name: "default-url", Kind: Text},
	116: {Name: "auto-config", Kind: U8},
	117: {Name: "name-service-search", Kind: U16s},
	118: {Name: "subnet-selection", Kind: Addr},
	119: {Name: "domain-search", Udhcpc: "search", Kind: Names},
	120: {Udhcpc: "sipsrv", Kind: SIP},
	121: {Name: "rfc3442-classless-static-routes", Udhcpc: "staticroutes", Kind: Routes},
	124: {Name: "vivco"},
	125: {Name: "vivso"},
	132: {Udhcpc: "vlanid", Kind: U16},
	133: {Udhcpc: "vlanpriority", Kind: U8},
	136: {Name: "pana-agent", Kind: Addrs},
	137: {Name: "v4-lost"},
	138: {Name: "capwap-ac-v4", Kind: Addrs},
	141: {Name: "sip-ua-cs-domains", Kind: Names},
	142: {Name: "ipv4-address-andsf", Kind: Addrs},
	146: {Name: "rdnss-selection"},
	150: {Name: "tftp-server-address", Kind: Addrs},
	159: {Name: "v4-portparams", Kind: Record, Fields: "BBS"},
	160: {Name: "v4-captive-portal", Kind: Text},
	162: {Name: "v4-dnr"}, // Kea's: dhclient has none
	161: {Name: "mud-url", Kind: Text},
	209: {Name: "loader-configfile", Udhcpc: "pxeconffile", Kind: Text},
	210: {Name: "loader-pathprefix", Udhcpc: "pxepathprefix", Kind: Text},
	211: {Name: "loader-reboottime", Udhcpc: "reboottime", Kind: U32},
	212: {Name: "option-6rd", Udhcpc: "ip6rd", Kind: Record, Fields: "BB6Ia"},
	213: {Name: "v4-access-domain"},
	249: {Udhcpc: "msstaticroutes", Kind: Routes},
	252: {Udhcpc: "wpad", Kind: Text},
}

// aliases are other names that are in use.
var aliases = map[string]uint8{
	"classless-static-routes":    121,
	"ms-classless-static-routes": 249,
	"captive-portal":             114,
	"posix-timezone":             100,
	"tzdb-timezone":              101,
	"server-name":                66,
	"sip-servers":                120,
	"6rd":                        212,
	"encrypted-dns":              162,
	"ipv6-only-preferred":        108,
	"pxelinux-magic":             208,
	// Older versions of udhcpc gave them to their scripts by these.
	"timesrv":   4,
	"namesrv":   5,
	"logsrv":    7,
	"cookiesrv": 8,
	"userclass": 77,
}

// codes are the numbers by name.
var codes = sync.OnceValue(func() map[string]uint8 {
	all := make(map[string]uint8, 2*len(standard))
	for name, code := range aliases {
		all[name] = code
	}
	for code, r := range standard {
		for _, name := range []string{r.Udhcpc, r.Name} {
			if name != "" {
				all[name] = uint8(code)
			}
		}
	}
	return all
})

// AllNames are all names that ByName takes of a nil Table, sorted.
func AllNames() []string { return slices.Sorted(maps.Keys(codes())) }
