package dhclientargs

import (
	"errors"
	"net/netip"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// fresh is what no flag gives.
func fresh() Args {
	return Args{
		PidFile:     Path{"/run/dhclient.pid", false},
		LeaseFile:   Path{"/var/lib/dhcp/dhclient.leases", false},
		Script:      Path{"/sbin/dhclient-script", false},
		DeclineWait: 10 * time.Second,
	}
}

func given(name string) Path { return Path{name, true} }

// TestParse has what callers really say, and each flag of the manual page.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		want       func(a *Args)
	}{
		{"nothing", "", func(*Args) {}},
		{"cloud-init", "-1 -v -lf /run/dhclient.lease -pf /run/dhclient.pid eth0 -sf /bin/true", func(a *Args) {
			a.Once, a.Verbose, a.Interfaces = true, true, []string{"eth0"}
			a.LeaseFile, a.PidFile, a.Script = given("/run/dhclient.lease"), given("/run/dhclient.pid"), given("/bin/true")
		}},
		{"cloud-init on InfiniBand", "-1 -v -lf /run/dhclient.lease -pf /run/dhclient.pid -cf /tmp/ib0-dhclient.conf ib0 -sf /bin/true", func(a *Args) {
			a.Once, a.Verbose, a.Interfaces = true, true, []string{"ib0"}
			a.LeaseFile, a.PidFile, a.Script = given("/run/dhclient.lease"), given("/run/dhclient.pid"), given("/bin/true")
			a.ConfFile = given("/tmp/ib0-dhclient.conf")
		}},
		{"dracut", "-4 --timeout 30 -q -1 -cf /etc/dhclient.conf -pf /tmp/dhclient.eth0.pid -lf /tmp/dhclient.eth0.lease eth0", func(a *Args) {
			a.Once, a.Timeout, a.Interfaces = true, 30*time.Second, []string{"eth0"}
			a.ConfFile, a.PidFile, a.LeaseFile = given("/etc/dhclient.conf"), given("/tmp/dhclient.eth0.pid"), given("/tmp/dhclient.eth0.lease")
		}},
		{"dracut of upstream's dhclient", "-4 -q -1 -cf /etc/dhclient.conf -pf /tmp/dhclient.eth0.pid -lf /tmp/dhclient.eth0.lease eth0", func(a *Args) {
			a.Once, a.Interfaces = true, []string{"eth0"}
			a.ConfFile, a.PidFile, a.LeaseFile = given("/etc/dhclient.conf"), given("/tmp/dhclient.eth0.pid"), given("/tmp/dhclient.eth0.lease")
		}},
		{"ifupdown-ng", "-pf /var/run/dhclient.eth0.pid eth0", func(a *Args) {
			a.PidFile, a.Interfaces = given("/var/run/dhclient.eth0.pid"), []string{"eth0"}
		}},
		{"ifupdown, up", "-4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I -df /var/lib/dhcp/dhclient6.eth0.leases eth0", func(a *Args) {
			a.Verbose, a.DUID, a.Interfaces, a.Ignored = true, DUIDLLT, []string{"eth0"}, []string{"-I"}
			a.PidFile, a.LeaseFile = given("/run/dhclient.eth0.pid"), given("/var/lib/dhcp/dhclient.eth0.leases")
			a.DUIDFile = "/var/lib/dhcp/dhclient6.eth0.leases"
		}},
		{"ifupdown, down", "-4 -v -i -r -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I -df /var/lib/dhcp/dhclient6.eth0.leases eth0", func(a *Args) {
			a.Action, a.Foreground = Release, true
			a.Verbose, a.DUID, a.Interfaces, a.Ignored = true, DUIDLLT, []string{"eth0"}, []string{"-I"}
			a.PidFile, a.LeaseFile = given("/run/dhclient.eth0.pid"), given("/var/lib/dhcp/dhclient.eth0.leases")
			a.DUIDFile = "/var/lib/dhcp/dhclient6.eth0.leases"
		}},
		{"NetworkManager", "-d -q -sf /usr/lib/nm-dhcp-helper -pf /run/NM.pid -lf /var/lib/NM.lease -cf /var/lib/NM.conf eth0", func(a *Args) {
			// -q after -d: quiet, and in the foreground all the same.
			a.Foreground, a.Interfaces = true, []string{"eth0"}
			a.Script, a.PidFile = given("/usr/lib/nm-dhcp-helper"), given("/run/NM.pid")
			a.LeaseFile, a.ConfFile = given("/var/lib/NM.lease"), given("/var/lib/NM.conf")
		}},
		{"interfaces among the flags, one twice", "eth1 -v eth0 -nw eth1", func(a *Args) {
			a.Verbose, a.NoWait, a.Interfaces = true, true, []string{"eth1", "eth0"}
		}},
		{"-d is -v too", "-d", func(a *Args) { a.Foreground, a.Verbose = true, true }},
		{"-x", "-x eth0", func(a *Args) { a.Action, a.Interfaces = Stop, []string{"eth0"} }},
		{"of -r and -x the last", "-r -x", func(a *Args) { a.Action = Stop }},
		{"of -x and -r the last", "-x -r", func(a *Args) { a.Action, a.Foreground = Release, true }},
		{"-w -n", "-w -n", func(a *Args) { a.Persist, a.NoInterfaces = true, true }},
		{"-p -s -g", "-p 6868 -s 192.0.2.1 -g 192.0.2.254", func(a *Args) {
			a.Port, a.Server, a.Relay = 6868, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.254")
		}},
		{"-e more than once", "-e IF_METRIC=100 -e X=", func(a *Args) { a.Env = []string{"IF_METRIC=100", "X="} }},
		{"-D LL", "-D ll -i", func(a *Args) { a.DUID = DUIDLL }},
		{"-D LLT without -i", "-D LLT", func(a *Args) { a.DUID = DUIDLLT }},
		{"--no-pid", "--no-pid", func(a *Args) { a.NoPid = true }},
		{"--decline-wait-time", "--decline-wait-time 0", func(a *Args) { a.DeclineWait, a.Ignored = 0, []string{"--decline-wait-time"} }},
		{"what is for DHCPv6 and harmless", "--dad-wait-time 5 --address-prefix-len 64 --prefix-len-hint 56", func(a *Args) {
			a.Ignored = []string{"--dad-wait-time", "--address-prefix-len", "--prefix-len-hint"}
		}},
		{"Red Hat's", "-B -C id -H host -F host.example.com -V class --request-options subnet-mask,3 -timeout 45", func(a *Args) {
			a.Broadcast, a.ClientID, a.Hostname, a.FQDN, a.VendorClass = true, "id", "host", "host.example.com", "class"
			a.Request, a.Timeout = []string{"subnet-mask", "3"}, 45*time.Second
		}},
		{"the value of a flag may look like one", "-sf -v", func(a *Args) { a.Script = given("-v") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := fresh()
			c.want(&want)
			got, err := Parse(strings.Fields(c.line), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("got  %+v\nwant %+v", *got, want)
			}
		})
	}
}

func TestParse_HelpAndVersionEndTheReading(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]Action{"--help -6": Help, "-v -h": Help, "eth0 --version --what": Version} {
		a, err := Parse(strings.Fields(line), nil)
		if err != nil || a.Action != want {
			t.Errorf("%s: %v, %v", line, a, err)
		}
	}
}

func TestParse_ErrorsNameTheFlag(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, flag, problem string }{
		{"-6 eth0", "-6", "DHCPv4 only"},
		{"-4o6 67", "-4o6", "not supported"},
		{"-S", "-S", "DHCPv4 only"},
		{"-N", "-N", "DHCPv4 only"},
		{"-T", "-T", "DHCPv4 only"},
		{"-P", "-P", "DHCPv4 only"},
		{"-R", "-R", "DHCPv4 only"},
		{"-z", "-z", "no such flag"},
		{"-", "-", "no such flag"},
		{"--", "--", "no such flag"},
		{"--timeout=30", "--timeout=30", "no such flag"},
		{"-vd", "-vd", "no such flag"},
		{"eth0 -pf", "-pf", "wants FILE"},
		{"-p 0", "-p", "not a port"},
		{"-p 65536", "-p", "not a port"},
		{"-s example.com", "-s", "not an IPv4 address"},
		{"-s ::1", "-s", "not an IPv4 address"},
		{"-g 224.0.0.1", "-g", "not an IPv4 address"},
		{"-D EN", "-D", "not LL or LLT"},
		{"-e FOO", "-e", "not NAME=VALUE"},
		{"-e =x", "-e", "not NAME=VALUE"},
		{"--timeout 0", "--timeout", "number of seconds"},
		{"--timeout 99999999999", "--timeout", "number of seconds"},
		{"--decline-wait-time -1", "--decline-wait-time", "number of seconds"},
		{"--dad-wait-time x", "--dad-wait-time", "not a number"},
		{"--request-options a,,b", "--request-options", "empty name"},
		{"-n eth0", "-n", `"eth0" is named`},
		{"../../etc", "", "cannot be the name of an interface"},
		{"averyveryverylongname", "", "cannot be the name of an interface"},
	} {
		_, err := Parse(strings.Fields(c.line), nil)
		var e *Error
		if !errors.As(err, &e) || e.Flag != c.flag || !strings.Contains(e.Error(), c.problem) || !strings.HasPrefix(e.Error(), c.flag) {
			t.Errorf("%s: %v, want %s: %s", c.line, err, c.flag, c.problem)
		}
	}
	for _, args := range [][]string{{""}, {"-cf", ""}, {"-H", strings.Repeat("x", 256)}, {"a b"}} {
		if _, err := Parse(args, nil); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

// TestParse_Environment_UnlessAFlagSaysOtherwise has the variables of the
// manual page's ENVIRONMENT VARIABLES.
func TestParse_Environment_UnlessAFlagSaysOtherwise(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"PATH_DHCLIENT_CONF": "/e/conf", "PATH_DHCLIENT_DB": "/e/db", "PATH_DHCLIENT_PID": "/e/pid", "PATH_DHCLIENT_SCRIPT": "/e/script",
	}
	getenv := func(name string) string { return env[name] }
	a, err := Parse([]string{"-lf", "/f/db"}, getenv)
	if err != nil {
		t.Fatal(err)
	}
	want := fresh()
	want.LeaseFile, want.ConfFile = given("/f/db"), given("/e/conf")
	want.PidFile, want.Script = given("/e/pid"), given("/e/script")
	if !reflect.DeepEqual(*a, want) {
		t.Errorf("got  %+v\nwant %+v", *a, want)
	}
	a, err = Parse([]string{"-cf", "c", "-lf", "l", "-pf", "p", "-sf", "s", "-df", "d"}, getenv)
	if err != nil {
		t.Fatal(err)
	}
	a.Absolute("/here")
	if got := []string{a.ConfFile.Name, a.LeaseFile.Name, a.PidFile.Name, a.Script.Name, a.DUIDFile}; !slices.Equal(got, []string{"/here/c", "/here/l", "/here/p", "/here/s", "/here/d"}) {
		t.Errorf("absolute names %v", got)
	}
}

// TestFlags_AreThoseOfTheManualPage reads the installed dhclient(8): a flag
// that it names and we do not know would be a script that breaks.
func TestFlags_AreThoseOfTheManualPage(t *testing.T) {
	t.Parallel()
	page, err := exec.Command("sh", "-c", "zcat -f /usr/share/man/man8/dhclient.8*").Output()
	if err != nil || len(page) == 0 {
		t.Skip("no manual page of dhclient is installed")
	}
	named := regexp.MustCompile(`(?m)^\.(?:B|BI) (\\-\S+)`).FindAllStringSubmatch(string(page), -1)
	seen := map[string]bool{}
	for _, m := range named {
		seen[strings.TrimRight(strings.ReplaceAll(m[1], `\-`, "-"), `.,]`)] = true
	}
	if len(seen) < 30 {
		t.Fatalf("found only %d flags in the page: %v", len(seen), seen)
	}
	for name := range seen {
		if find(name) == nil {
			t.Errorf("the manual page has %s, which we do not know", name)
		}
	}
}

func TestFlags_AreNamedOnceAndSet(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range Flags() {
		for _, n := range f.Names {
			if seen[n] {
				t.Errorf("%s twice", n)
			}
			seen[n] = true
		}
		if f.Help == "" || (f.set == nil) != (f.Effect == Refused) {
			t.Errorf("%v: no help, or no way to set it", f.Names)
		}
	}
}

func TestUsage_FitsATerminalAndNamesEveryFlag(t *testing.T) {
	t.Parallel()
	text := Usage("dhclient")
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
	for _, f := range flags {
		if !strings.Contains(text, " "+f.Names[0]) {
			t.Errorf("no %s in the usage", f.Names[0])
		}
	}
}

// FuzzParse: whatever the arguments, an answer or an error that names one.
func FuzzParse(f *testing.F) {
	f.Add("-1 -v -lf /run/dhclient.lease -pf /run/dhclient.pid eth0 -sf /bin/true")
	f.Add("-e A=B -s 192.0.2.1 -D LL -p 68 --timeout 1 -r -x -n")
	f.Add("-H \x00 -6")
	f.Fuzz(func(t *testing.T, line string) {
		a, err := Parse(strings.Split(line, " "), nil)
		if (a == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", line, a, err)
		}
		if a != nil {
			for _, name := range a.Interfaces {
				if name == "" || len(name) > 15 || strings.ContainsAny(name, "/\x00") {
					t.Fatalf("%q: interface %q", line, name)
				}
			}
		}
	})
}
