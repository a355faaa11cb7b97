package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A network that prefers to be IPv6-only is no lease, which is said at once, and
// status says so while the client waits (RFC 8925 3.2).
func TestIPv6Only_RFC8925(t *testing.T) {
	s := newSite(t)
	s.link(t, func(c *dhcptest.Config) { c.Options = map[uint8][]byte{108: {0, 0, 0, 1}} })
	p := s.start(t, "-1", "eth0", "--ipv6-only")
	p.exit(t, exitNoLease)
	p.stderr.contains(t, "eth0: no lease: the network is IPv6-only; one is asked for again in 5m0s")
	p = s.start(t, "eth0", "--ipv6-only")
	p.stdout.wait(t, "eth0: no address: the network is IPv6-only")
	st := s.statusOf(t, "eth0")
	if st.State != "V6ONLY" || st.NextTry == nil || st.Reason != "the network is IPv6-only" || st.Lease != nil {
		t.Errorf("status: %+v", st)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// What a client calls itself reaches the server as the flags say.
func TestFlags_NamesReachTheServer(t *testing.T) {
	s := newSite(t)
	requests := make(chan *dhcpv4.DHCPv4, 10)
	s.link(t, func(c *dhcptest.Config) {
		c.Mutate = func(req, _ *dhcpv4.DHCPv4) { requests <- req }
	})
	s.start(t, "-1", "eth0", "--fqdn", "box.example.org", "--fqdn-update=none", "--user-class", "lab", "--bare-user-class",
		"--vi-class", "3561:a", "--vi-class", "9:b", "--vi-class=3561:c", "--vi-option", "3561:1:0a0b",
		"--vi-option=3561:2:", "--mud-url", "https://example.org/box", "--send-option", "time-servers=192.0.2.8,192.0.2.9",
		"--send-option", "224=01:02").exit(t, exitDone)
	discover := <-requests
	for code, want := range map[uint8]string{
		81: "\x0c\x00\x00\x03box\x07example\x03org\x00", 77: "lab", 124: "\x00\x00\x0d\xe9\x04\x01a\x01c\x00\x00\x00\x09\x02\x01b",
		125: "\x00\x00\x0d\xe9\x06\x01\x02\x0a\x0b\x02\x00", 161: "https://example.org/box", 4: "\xc0\x00\x02\x08\xc0\x00\x02\x09", 224: "\x01\x02",
	} {
		if got := string(discover.Options.Get(dhcpv4.GenericOptionCode(code))); got != want {
			t.Errorf("option %d is %q, want %q", code, got, want)
		}
	}
}

// Names that cannot be are found before anything is sent.
func TestFlags_NamesThatCannotBe(t *testing.T) {
	for args, want := range map[string]string{
		"--fqdn a_b":                                      `--fqdn: "a_b" is not a host name`,
		"--anonymous --hostname b":                        "--hostname would tell who an anonymous client is",
		"--anonymous --client-id 01:02":                   "--client-id would tell who",
		"--fqdn a --hostname b":                           "--fqdn: takes the place of --hostname",
		"--fqdn-update none":                              "--fqdn: DNSUpdate is of no name",
		"--fqdn-update nobody":                            `--fqdn-update: "nobody" is not server, client or none`,
		"--fqdn=":                                         "--fqdn: is empty",
		"--user-class=":                                   "--user-class: is empty",
		"--bare-user-class":                               "--user-class: 0 classes, where the bare form",
		"--mud-url=":                                      "--mud-url: is empty",
		"--mud-url http://x/":                             `--mud-url: "http://x/" is not an https URL`,
		"--vi-class x:a":                                  `--vi-class: "x:a" does not begin with an enterprise number`,
		"--vi-option 4294967296:1:0a":                     "does not begin with an enterprise number",
		"--vi-option 9:256:0a":                            `--vi-option: "9:256:0a" is not an enterprise number, the number`,
		"--vi-option 9:1:0":                               "is not an enterprise number, the number",
		"--vi-option 9:1:0a --vi-option 9:1:0b":           "option 1 of enterprise 9 is given twice",
		"--send-option 224":                               `--send-option: "224" has no value`,
		"--send-option nothing=1":                         `"nothing" is neither the number of an option`,
		"--send-option 224=":                              "224 has no value",
		"--send-option 224=0g":                            "neither a text in quotes nor octets",
		"--send-option 224=01 --send-option 224=02":       "option 224 is given twice",
		"--send-option user-class=a --user-class lab":     "--user-class: --send-option has option 77 too",
		"--user-class a --user-class b --bare-user-class": "--user-class: 2 classes",
	} {
		_, err := parse(append(strings.Fields(args), "eth0"))
		if err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// The DUID is made of the machine id, and a container is warned of (RFC 4361).
func TestFlags_MachineID(t *testing.T) {
	dir := t.TempDir()
	defer func(id string, marks []string) { machineID, imageMarks = id, marks }(machineID, imageMarks)
	machineID, imageMarks = filepath.Join(dir, "machine-id"), []string{filepath.Join(dir, "mark")}
	duid := func() (*options, error) { return parse([]string{"eth0", "--client-id", "01:02", "--client-id=duid"}) }
	if _, err := duid(); err == nil || !strings.Contains(err.Error(), "--client-id: a DUID is made of the machine id: open ") {
		t.Errorf("without a file: %v", err)
	}
	for text, want := range map[string]string{"": "no machine id yet", strings.Repeat("x", 1<<20): "64 characters"} {
		if err := os.WriteFile(machineID, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := duid(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	if err := os.WriteFile(machineID, []byte("0123456789abcdef0123456789abcdef\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := duid()
	if err != nil || o.client.MachineID != (client.MachineID{1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}) ||
		o.client.ClientID != nil || o.cloneWarning() != "" {
		t.Fatalf("%v: % x, % x, %q", err, o.client.MachineID, o.client.ClientID, o.cloneWarning())
	}
	if err := os.WriteFile(imageMarks[0], nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if text := o.cloneWarning(); !strings.Contains(text, "containers of this image") {
		t.Errorf("in a container: %q", text)
	}
	if o, err = parse([]string{"eth0", "--client-id=duid", "--client-id=mac"}); err != nil || o.client.MachineID != (client.MachineID{}) || o.cloneWarning() != "" {
		t.Errorf("mac after duid: %v", err)
	}
}

// A static address is used where no server answers, if nobody has it, and gives
// way to a lease, for which servers are asked on.
func TestFallback(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	s.squat(t, 0, "192.0.0.78", [6]byte{2, 0, 0, 0, 0, 0x78})
	p := s.start(t, "eth0", "--fallback", "192.0.0.78/24", "--fallback-after=1s", "--acd=500ms", "-1", "--timeout=4s")
	p.exit(t, exitNoLease)
	if got := s.addresses(t, "eth0"); got != "" {
		t.Errorf("an address that another has is on the link: %s", got)
	}
	p = s.start(t, "eth0", "--fallback", "192.0.0.77/24,192.0.0.1", "--fallback-after=1s", "--acd=50ms", "-v")
	p.stderr.wait(t, "no server answers; using the fallback")
	waitFor(t, "the fallback", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.77/24") })
	if st := s.statusOf(t, "eth0"); st.State != "SELECTING" || st.Lease == nil {
		t.Errorf("status: %+v", st)
	}
	out, _ := s.ask(t, exitDone, "status")
	matches(t, out, `^eth0  SELECTING  192\.0\.0\.77/24, fallback; asking for `, `no server answers; the fallback 192\.0\.0\.77/24 is used$`)
	out, _ = s.ask(t, exitDone, "lease")
	if strings.Contains(out, "began") {
		t.Error(out)
	}
	if err := server.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	s.ask(t, exitDone, "renew", "--timeout=30s")
	waitFor(t, "a lease", func() bool {
		got := s.addresses(t, "eth0")
		return strings.Contains(got, "192.0.0.5/24") && !strings.Contains(got, "192.0.0.77")
	})
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

func TestFallback_Usage(t *testing.T) {
	for args, want := range map[string]string{
		"eth0 --fallback 192.0.2.0/24":                                  "--fallback: 192.0.2.0 is not a host of 192.0.2.0/24",
		"eth0 --fallback-after 3s":                                      "--fallback-after: is of --fallback and --link-local",
		"eth0 --fallback 192.0.2.7/24 --fallback-after 0":               `--fallback-after: "0" is no time at all`,
		"eth0 --fallback 192.0.2.7/24 --link-local":                     "--fallback: contradicts --link-local",
		"eth0 --link-local -1":                                          "--link-local: contradicts --oneshot",
		"eth0 --link-local --acd=off":                                   "--link-local: contradicts --acd=off",
		"eth0 eth1 --fallback 192.0.2.7/24":                             "--fallback: is for one interface",
		"eth0 --dry-run --fallback 192.0.2.7/24":                        "--fallback-after: contradicts --dry-run",
		"eth0 --timeout 5s --fallback-after 5s --fallback 192.0.2.7/24": "--fallback-after: is not before --timeout",
	} {
		if _, err := parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	for args, want := range map[string]time.Duration{"": 30 * time.Second, "-1": 30 * time.Second, "--timeout=8s": 4 * time.Second} {
		o, err := parse(append(strings.Fields(args), "eth0", "--fallback=192.0.2.7/24"))
		if err != nil || o.client.Schedule.Timeout != want {
			t.Errorf("%q: %v, %v, want %v", args, o.client.Schedule.Timeout, err, want)
		}
	}
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	p := s.start(t, "eth*", "--fallback=192.0.2.7/24")
	p.exit(t, exitUsage)
	p.stderr.contains(t, "--fallback: is for one interface, not for eth0, eth1")
}

// The secret is in a file of its owner's, and messages are signed with it.
func TestFlags_AuthKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	read := func(text string, mode os.FileMode) (*options, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return parse([]string{"eth0", "--auth-key", path})
	}
	o, err := read("7:0102030405060708\n", 0o600)
	if err != nil || o.client.AuthKey.ID != 7 || string(o.client.AuthKey.Secret) != "\x01\x02\x03\x04\x05\x06\x07\x08" {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, err := read("7:0102030405060708", 0o644); err == nil || !strings.Contains(err.Error(), "only its owner") {
		t.Error(err)
	}
	for _, bad := range []string{"", "7", "x:0102030405060708", "7:01", "7:0102030405060g08", "4294967296:0102030405060708", "7:" + strings.Repeat("01", 65)} {
		if _, err := read(bad, 0o600); err == nil || !strings.Contains(err.Error(), "is not ID:SECRET") || exitCode(err) != exitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
	pipe := path + "-pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := parse([]string{"eth0", "--auth-key", pipe}); err == nil || !strings.Contains(err.Error(), "must be a file") {
		t.Errorf("a pipe: %v", err)
	}
	if _, err := parse([]string{"eth0", "--auth-key", path + "2"}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	s := newSite(t)
	requests := make(chan *dhcpv4.DHCPv4, 10)
	s.link(t, func(c *dhcptest.Config) { c.Mutate = func(req, _ *dhcpv4.DHCPv4) { requests <- req } })
	if _, err := read("7:0102030405060708", 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(t, "-1", "eth0", "--auth-key", path, "--timeout=1s").exit(t, exitNoLease) // nobody signs
	if v := (<-requests).Options.Get(dhcpv4.GenericOptionCode(90)); len(v) != 11 {
		t.Errorf("option 90 is % x", v)
	}
}
