package udhcpcargs

import (
	"errors"
	"maps"
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
		Interface: "eth0", Retries: 3, Timeout: 3 * time.Second, TryAgain: 20 * time.Second, ARPTime: 2 * time.Second,
		VendorClass: "udhcp 1.36.1",
	}
}

// TestParse has what callers really say, and each flag of busybox's help.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		want       func(a *Args)
	}{
		{"nothing", "", func(*Args) {}},
		{"cloud-init", "-O staticroutes -i eth1 -s /tmp/udhcpc_script -n -q -f -v", func(a *Args) {
			a.Interface, a.Script, a.Requested, a.Verbose = "eth1", "/tmp/udhcpc_script", []uint8{121}, 1
			a.NoLeaseFails, a.Quit, a.Foreground = true, true, true
		}},
		{"cloud-init on InfiniBand", "-O staticroutes -i ib0 -s /tmp/udhcpc_script -n -q -f -v -x 0x3d:20a0000220fe800000000000000002c903002e51", func(a *Args) {
			a.Interface, a.Script, a.Requested, a.Verbose = "ib0", "/tmp/udhcpc_script", []uint8{121}, 1
			a.NoLeaseFails, a.Quit, a.Foreground = true, true, true
			a.Send = map[uint8][]byte{61: []byte("\x20\xa0\x00\x02\x20\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x02\xc9\x03\x00\x2e\x51")}
		}},
		{"ifupdown-ng", "-b -R -p /var/run/udhcpc.eth0.pid -i eth0", func(a *Args) {
			a.Background, a.ReleaseOnExit, a.PidFile = true, true, "/var/run/udhcpc.eth0.pid"
		}},
		{"busybox ifup", "-R -n -p /var/run/udhcpc.eth0.pid -i eth0", func(a *Args) {
			a.ReleaseOnExit, a.NoLeaseFails, a.PidFile = true, true, "/var/run/udhcpc.eth0.pid"
		}},
		{"busybox ifup with -b among its options", "-R -n -p /var/run/udhcpc.eth0.pid -i eth0 -b -x hostname:box", func(a *Args) {
			a.ReleaseOnExit, a.NoLeaseFails, a.Background, a.PidFile = true, true, true, "/var/run/udhcpc.eth0.pid"
			a.Send = map[uint8][]byte{12: []byte("box")}
		}},
		{"Debian's ifupdown", "-n -p /run/udhcpc.eth0.pid -i eth0 -x hostname:box -V vendor -C", func(a *Args) {
			a.NoLeaseFails, a.PidFile, a.VendorClass, a.NoClientID = true, "/run/udhcpc.eth0.pid", "vendor", true
			a.Send = map[uint8][]byte{12: []byte("box")}
		}},
		{"initramfs", "-n -q -i eth0 -s /bin/script", func(a *Args) { a.NoLeaseFails, a.Quit, a.Script = true, true, "/bin/script" }},
		{"OpenWrt", "-p /var/run/udhcpc-eth0.pid -s /lib/netifd/dhcp.script -f -t 0 -i eth0 -x hostname:box -C -R -O 121", func(a *Args) {
			a.PidFile, a.Script, a.Foreground, a.Retries = "/var/run/udhcpc-eth0.pid", "/lib/netifd/dhcp.script", true, 0
			a.Send, a.NoClientID, a.ReleaseOnExit, a.Requested = map[uint8][]byte{12: []byte("box")}, true, true, []uint8{121}
		}},
		{"flags together", "-nqfRSBoCv", func(a *Args) {
			a.NoLeaseFails, a.Quit, a.Foreground, a.ReleaseOnExit, a.Syslog = true, true, true, true, true
			a.Broadcast, a.NoDefaultOptions, a.NoClientID, a.Verbose = true, true, true, 1
		}},
		{"values in the same argument", "-nt5 -T1 -A0 -ieth7 -P6800 -a500", func(a *Args) {
			a.NoLeaseFails, a.Retries, a.Timeout, a.TryAgain, a.Interface = true, 5, time.Second, 0, "eth7"
			a.Port, a.ARP, a.ARPTime = 6800, true, 500*time.Millisecond
		}},
		{"-a alone", "-a -i eth1", func(a *Args) { a.ARP, a.Interface = true, "eth1" }},
		{"words", "--interface=eth1 --now --pidfile /p --quit --release --request 192.0.2.9 --script=/s --timeout 4 --retries=6 " +
			"--tryagain 7 --syslog --request-option=dns --no-default-options --foreground --background --broadcast --arping=9 " +
			"--client-port 70 --clientid-none --vendorclass= --fqdn=h", func(a *Args) {
			a.Interface, a.NoLeaseFails, a.PidFile, a.Quit, a.ReleaseOnExit = "eth1", true, "/p", true, true
			a.RequestIP, a.Script, a.Timeout, a.Retries, a.TryAgain = netip.MustParseAddr("192.0.2.9"), "/s", 4*time.Second, 6, 7*time.Second
			a.Syslog, a.Requested, a.NoDefaultOptions, a.Foreground, a.Background = true, []uint8{6}, true, true, true
			a.Broadcast, a.ARP, a.ARPTime, a.Port, a.NoClientID, a.VendorClass = true, true, 9*time.Millisecond, 70, true, ""
			a.Send = map[uint8][]byte{81: []byte("\x01\x00\x00h")}
		}},
		{"words cut short", "--inter eth1 --fore --arp", func(a *Args) { a.Interface, a.Foreground, a.ARP = "eth1", true, true }},
		{"-v more than once", "-vv -v", func(a *Args) { a.Verbose = 3 }},
		{"no address wanted", "-r 0.0.0.0", func(*Args) {}},
		{"an old host name", "-H box", func(a *Args) { a.Send = map[uint8][]byte{12: []byte("box")} }},
		{"-O by name and number, once each", "-O search -O 0x77 -O 249 -O 0371", func(a *Args) { a.Requested = []uint8{119, 249} }},
		{"the value of a flag may look like one", "-s -n", func(a *Args) { a.Script = "-n" }},
		{"an interface that is not named with -i", "wlan0 -n -- -q", func(a *Args) {
			a.NoLeaseFails = true
			a.Warnings = []string{
				`"wlan0" is no flag, and not used: an interface is named with -i`,
				`"-q" is no flag, and not used: an interface is named with -i`,
			}
		}},
		{"the value of -a is not the next argument", "-a 500", func(a *Args) {
			a.ARP, a.Warnings = true, []string{`"500" is no flag, and not used: an interface is named with -i`}
		}},
		{"--help ends the reading", "-q --help --what", func(a *Args) { a.Quit, a.Help = true, true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := fresh()
			c.want(&want)
			got, err := Parse(strings.Fields(c.line))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("got  %+v\nwant %+v", *got, want)
			}
		})
	}
}

// What -x sends, and what of it udhcpc passes over.
func TestParse_Send(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want map[uint8][]byte
		warn []string // words, one for each warning
	}{
		{"by name", []string{"-x", "hostname:bbox"}, map[uint8][]byte{12: []byte("bbox")}, nil},
		{"a number by name", []string{"-x", "lease:3600"}, map[uint8][]byte{51: {0, 0, 14, 16}}, nil},
		{"hexadecimal", []string{"-x", "0x3d:0100BEEFC0FFEE"}, map[uint8][]byte{61: {1, 0, 0xbe, 0xef, 0xc0, 0xff, 0xee}}, nil},
		{"hexadecimal with colons", []string{"-x", "61:01:2:fe:F"}, map[uint8][]byte{61: {1, 2, 0xfe, 0xf}}, nil},
		{"hexadecimal with a digit over", []string{"-x", "61:123"}, map[uint8][]byte{61: {0x12, 3}}, nil},
		{"a text by number", []string{"-x", `14:"dumpfile"`}, map[uint8][]byte{14: []byte("dumpfile")}, nil},
		{"a text in the other quotes, with blanks", []string{"-x", ` 14: 'dump "file'  `}, map[uint8][]byte{14: []byte(`dump "file`)}, nil},
		{"with = and blanks", []string{"-x", "hostname=box", "-x", "lease 60"}, map[uint8][]byte{12: []byte("box"), 51: {0, 0, 0, 60}}, nil},
		{"a text ends at a blank or a comma", []string{"-x", "hostname:my box", "-x", "vendor:a,b"}, map[uint8][]byte{12: []byte("my"), 60: []byte("a")},
			[]string{`up to the first blank or comma: "my"`, `"a"`}},
		{"names and routes", []string{"-x", "search:a.example,b.example", "-x", "staticroutes:10.0.0.0/8 192.0.2.1"},
			map[uint8][]byte{119: []byte("\x01a\x07example\x00\x01b\x07example\x00"), 121: {8, 10, 192, 0, 2, 1}}, nil},
		{"a name as dhclient has it", []string{"-x", "host-name:box"}, map[uint8][]byte{12: []byte("box")}, nil},
		{"lists add up", []string{"-x", "dns:192.0.2.1,192.0.2.2", "-x", "dns:192.0.2.3"}, map[uint8][]byte{6: {192, 0, 2, 1, 192, 0, 2, 2, 192, 0, 2, 3}}, nil},
		{"of others the first counts", []string{"-x", "hostname:a", "-x", "12:62"}, map[uint8][]byte{12: []byte("a")}, []string{"option 12 is given twice"}},
		{"-F before -x", []string{"-x", "81:00", "-F", "h.example"}, map[uint8][]byte{81: []byte("\x01\x00\x00h.example")}, []string{"option 81 is given twice"}},
		{"an empty variable", []string{"-x", "hostname:"}, nil, []string{"-x hostname: has no value"}},
		{"no value at all", []string{"-x", "hostname"}, nil, []string{"-x hostname: has no value"}},
		{"no octets", []string{"-x", "0x3d:"}, nil, []string{"-x 0x3d: has no value"}},
		{"an empty text", []string{"-x", `14:""`}, nil, []string{"-x 14: has no value"}},
		{"nothing", []string{"-x", ""}, nil, []string{"names no option"}},
		{"no value of its option", []string{"-x", "lease:tomorrow"}, nil, []string{"-x lease: not sent"}},
		{"more than an option holds", []string{"-x", "dns:192.0.2.3", "-x", "dns:" + strings.Repeat("192.0.2.1,", 62) + "192.0.2.2"},
			map[uint8][]byte{6: {192, 0, 2, 3}}, []string{"more than 255 octets"}},
		{"255 octets", []string{"-x", "224:" + strings.Repeat("ab", 255)}, map[uint8][]byte{224: []byte(strings.Repeat("\xab", 255))}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, err := Parse(c.args)
			if err != nil {
				t.Fatal(err)
			}
			if !maps.EqualFunc(a.Send, c.want, slices.Equal) {
				t.Errorf("sends %q, want %q", a.Send, c.want)
			}
			if len(a.Warnings) != len(c.warn) {
				t.Fatalf("warnings %q, want %q", a.Warnings, c.warn)
			}
			for i, words := range c.warn {
				if !strings.Contains(a.Warnings[i], words) {
					t.Errorf("warning %q does not say %q", a.Warnings[i], words)
				}
			}
		})
	}
}

func TestParse_VendorClassIsCut(t *testing.T) {
	t.Parallel()
	a, err := Parse([]string{"-V", strings.Repeat("v", 300)})
	if err != nil || len(a.VendorClass) != 254 || len(a.Warnings) != 1 {
		t.Errorf("%d octets, warnings %q, %v", len(a.VendorClass), a.Warnings, err)
	}
}

func TestRequest_ClasslessRoutesBeforeRouters_RFC3442(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]uint8{
		"":                        {1, 3, 6, 12, 15, 28, 42},
		"-O staticroutes -O dns":  {121, 6, 1, 3, 12, 15, 28, 42},
		"-o":                      nil,
		"-o -O 66 -O router":      {66, 3},
		"-O msstaticroutes -O 43": {249, 43, 1, 3, 6, 12, 15, 28, 42},
	} {
		a, err := Parse(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Request(); !slices.Equal(got, want) {
			t.Errorf("%s: asks for %d, want %d", line, got, want)
		}
	}
}

func TestParse_ErrorsNameTheFlag(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line, flag, problem string
		usage               bool
	}{
		{"-Z", "-Z", "no such flag", true},
		{"-nZ", "-Z", "no such flag", true},
		{"-l", "-l", "no such flag", true},
		{"-6", "-6", "no such flag", true},
		{"--nosuch", "--nosuch", "no such flag", true},
		{"--nosuch=3", "--nosuch", "no such flag", true},
		{"--re", "--re", "may be --retries or --release or --request or --request-option", true},
		{"--quit=1", "--quit", "takes no value", true},
		{"-i", "-i", "wants IFACE", true},
		{"-ni", "-i", "wants IFACE", true},
		{"--script", "--script", "wants PROG", true},
		{"-h", "-h", "wants NAME", true},
		{"-t x", "-t", "not a number", false},
		{"-t -1", "-t", "not a number", false},
		{"-T 2147483648", "-T", "not a number", false},
		{"-A 1.5", "-A", "not a number", false},
		{"-T +1", "-T", "not a number", false},
		{"-ax", "-a", "not a number", false},
		{"-an", "-a", "not a number", false},
		{"-r bad", "-r", "not an IPv4 address", false},
		{"-r ::1", "-r", "not an IPv4 address", false},
		{"-P 1", "-P", "would be none", false},
		{"-P 65536", "-P", "not a number", false},
		{"-O nosuch", "-O", `"nosuch" is no option`, false},
		{"-O 0", "-O", "1 to 254", false},
		{"-O 255", "-O", "1 to 254", false},
		{"-O 0b11", "-O", "is no option", false},
		{"-O 1_0", "-O", "is no option", false},
		{"-x nosuch:1", `-x "nosuch:1"`, `"nosuch" is no option`, false},
		{"-x 256:00", `-x "256:00"`, "1 to 254", false},
		{"-x 61:0g", `-x "61:0g"`, "hexadecimal", false},
		{"-x 61:+1", `-x "61:+1"`, "hexadecimal", false},
		{"-i ../../etc", "-i", "cannot be the name", false},
		{"-i averyveryverylongname", "-i", "cannot be the name", false},
	} {
		_, err := Parse(strings.Fields(c.line))
		var e *Error
		if !errors.As(err, &e) || e.Flag != c.flag || !strings.Contains(e.Problem, c.problem) || e.Usage != c.usage {
			t.Errorf("%s: %v (%+v), want %s: %s", c.line, err, e, c.flag, c.problem)
		}
	}
	for _, args := range [][]string{{"-s", ""}, {"--pidfile="}, {"-i", ""}, {"-F", ""}, {"-F", strings.Repeat("f", 253)}, {"-i", "a b"},
		{"-H", strings.Repeat("h", 255)}, {"-x", "224:" + strings.Repeat("ab", 256)}} {
		if _, err := Parse(args); err == nil {
			t.Errorf("%.40q was accepted", args)
		}
	}
}

// The flags of the busybox that is installed are ours.
func TestFlags_AreThoseOfBusybox(t *testing.T) {
	t.Parallel()
	help, err := exec.Command(installed(t), "udhcpc", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("busybox has no udhcpc: %v", err)
	}
	found := regexp.MustCompile(`(?m)^\t(-[A-Za-z])`).FindAllSubmatch(help, -1)
	if len(found) < 20 {
		t.Fatalf("found only %d flags in\n%s", len(found), help)
	}
	for _, m := range found {
		if find(string(m[1])) == nil {
			t.Errorf("busybox has %s, which we do not know", m[1])
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
		if f.Help == "" || f.set == nil {
			t.Errorf("%v: no help, or no way to set it", f.Names)
		}
	}
}

func TestUsage_FitsATerminalAndNamesEveryFlag(t *testing.T) {
	t.Parallel()
	text := Usage("udhcpc")
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
	for _, f := range flags {
		for _, n := range f.Names {
			if !strings.Contains(text, " "+n) {
				t.Errorf("no %s in the usage", n)
			}
		}
	}
}

// FuzzParse: whatever the arguments, an answer whose parts can be used, or an
// error.
func FuzzParse(f *testing.F) {
	f.Add("-O staticroutes -i ib0 -s /s -n -q -f -v -x 0x3d:20a0:1")
	f.Add("-nt5 --arping=9 -a --inter eth1 -- x -x dns:192.0.2.1 -F h")
	f.Add("-x 14:\"a\" -x 14:' -x :: -x 1_0:0 -V \x00 --=")
	f.Fuzz(func(t *testing.T, line string) {
		a, err := Parse(strings.Split(line, " "))
		if (a == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", line, a, err)
		}
		if a == nil || a.Help {
			return
		}
		if a.Interface == "" || len(a.Interface) > 15 || strings.ContainsAny(a.Interface, "/\x00") {
			t.Errorf("%q: interface %q", line, a.Interface)
		}
		for code, v := range a.Send {
			if code == 0 || code == 255 || len(v) == 0 || len(v) > 255 {
				t.Errorf("%q: sends %d octets of option %d", line, len(v), code)
			}
		}
		if slices.Contains(a.Request(), 0) || slices.Contains(a.Request(), 255) || a.Port == 1 {
			t.Errorf("%q: asks for %d at port %d", line, a.Request(), a.Port)
		}
	})
}
