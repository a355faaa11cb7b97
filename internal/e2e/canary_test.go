package e2e_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/isc"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// careless does with its environment what no script should, and some do: it has
// a shell read each value again and again. In /seen it leaves its environment, the
// files that it finds and, at last, the round that it was of.
// What has no blanks is an assignment as well; where there are, the second word
// is a command by the shell's own rules, also for a list of addresses.
const careless = `
for _name in /etc/resolv.conf /var/lib/dhcp/dhclient.leases; do
	[ ! -f $_name ] || cat $_name >/seen/${_name##*/}.$$
done
cat /proc/self/environ >/seen/environ.new && mv /seen/environ.new /seen/environ.$$
for _name in $(env -0 | tr '\n' ' ' | tr '\0' '\n' | sed -n 's/^\(\(new_\|old_\|requested_\|opt\)*[a-z][A-Za-z0-9_]*\)=.*/\1/p'); do
	eval "_value=\$$_name"
	eval "_a=\"$_value\"" 2>>/seen/errors
	eval "_b='$_value'" 2>>/seen/errors
	eval ": $_value" 2>>/seen/errors
	eval "for _c in $_value; do : \$_c; done" 2>>/seen/errors
	eval "set -- $_value" 2>>/seen/errors
	case $_value in *' '*) ;; *) eval "_d=$_value" 2>>/seen/errors ;; esac
	echo "_e='$_value'" >/seen/file; . /seen/file
	printf 'echo %s\n' "$_value"
done >/seen/commands
sh /seen/commands >/dev/null 2>>/seen/errors
for _value in "$new_root_path" "$new_filename" "$new_host_name" "$new_domain_name" "$new_tftp_server_name" "$rootpath" "$boot_file" "$hostname" "$domain" "$tftp"; do
	[ -z "$_value" ] || for _d in / '#' , '|' @; do echo X | sed "s${_d}X${_d}${_value}${_d}" >/dev/null 2>&1; done
done
unset _name _value _a _b _c _d _e
echo "$new_unknown_230$opt230" >>/seen/rounds`

// canaryFiles are on a stage for them: a program that hostile values name.
func canaryFiles(more map[string]string) map[string]string {
	files := map[string]string{
		"/usr/local/bin/canary":  "#!/bin/sh\ntouch /CANARY50\n",
		"/usr/local/sbin/canary": "#!/bin/sh\ntouch /CANARY51\n",
		"/canary-bin/ls":         "#!/bin/sh\ntouch /CANARY52\n",
		"/seen/README":           "",
	}
	for path, text := range more {
		files[path] = text
	}
	return files
}

// The careless script is careless: an environment that nobody has looked at has
// it leave canaries.
func TestCanary_WouldSing(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, _ := cable(t)
	g := newStage(t, canaryFiles(map[string]string{"/script": "#!/bin/sh\n" + careless}))
	for i, text := range []string{"$(touch /CANARY)", "`touch /CANARY`", "'; touch /CANARY; '", "canary#e#", "x\ntouch /CANARY"} {
		if err := os.RemoveAll(filepath.Join(g.dir, stageUp, canary)); err != nil {
			t.Fatal(err)
		}
		c := g.launch(t, cli, "env", "new_root_path="+text, "/script")
		c.exit(t)
		if !slices.ContainsFunc(g.changed(t), func(path string) bool { return strings.HasPrefix(path, "/"+canary) }) {
			t.Errorf("%d: %q leaves nothing: %q\n%s", i, text, g.changed(t), c.stderr)
		}
	}
}

// A canaryRun is a client that hears nothing but hostile values.
type canaryRun struct {
	*stage
	server *canaryServer
	client *client
	cli    *station
}

// runCanary starts a command, and waits until its scripts have heard every value of
// every option: of each round, the name in the dialect's way.
func runCanary(t *testing.T, files map[string]string, named func(string) string, argv ...string) *canaryRun {
	t.Helper()
	nettest.Require(t)
	cli, peer := cable(t)
	r := &canaryRun{stage: newStage(t, canaryFiles(files)), server: peer.sing(t, cli), cli: cli}
	r.client = r.launch(t, cli, argv...)
	for n := range canaryRounds() {
		r.server.round.Store(int32(n))
		eventually(t, roundName(n), func() bool {
			if r.client.hasEnded() {
				t.Fatalf("the client has ended in %s", roundName(n))
			}
			return slices.Contains(r.lines("/seen/rounds"), named(roundName(n)))
		})
	}
	return r
}

// check is what holds for every client: it runs, has its address and a bounded
// memory, has said nothing but lines, and no file was made but those expected.
func (r *canaryRun) check(t *testing.T, expected ...string) {
	t.Helper()
	if a := r.cli.addresses(t); len(a) != 1 || a[0].Local != host(10) || r.client.hasEnded() {
		t.Errorf("addresses %+v", a)
	}
	const most = 64 << 10
	if kib := peakMemory(t, r.client.cmd.Process.Pid); kib > most {
		t.Errorf("it has used %d KiB", kib)
	}
	r.client.end(t)
	for _, out := range []*lines{r.client.stdout, r.client.stderr} {
		all, _ := out.get()
		for _, line := range all {
			wantPlain(t, "a line that it says", line)
		}
	}
	for _, path := range r.changed(t) {
		ok := slices.ContainsFunc(expected, func(e string) bool {
			return path == e || strings.HasSuffix(e, "/") && strings.HasPrefix(path, e)
		})
		if !ok || strings.Contains(path, canary) {
			t.Errorf("there is a file %s", path)
		}
	}
	if t.Failed() {
		t.Logf("what scripts said of it: %.2000s", r.read("/seen/errors"))
	}
}

// peakMemory is the most that a process has used, in KiB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no peak in %s", b)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// wantPlain fails the test unless a line is text that nobody else has begun.
func wantPlain(t *testing.T, what, line string) {
	t.Helper()
	// All options of a message, as JSON has them.
	const most = 256 << 10
	odd := func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' }
	if strings.ContainsFunc(line, odd) || !utf8.ValidString(line) || strings.HasPrefix(strings.TrimSpace(line), forged) || len(line) > most {
		t.Errorf("%s: %.300q", what, line)
	}
}

// resolverLine is a line of resolv.conf (resolv.conf(5)) with values of their kind.
var resolverLine = regexp.MustCompile(`^(|#[ -~]*|nameserver [0-9.]+|(search|domain)( [A-Za-z0-9_]([A-Za-z0-9._-]*))+|options [a-z0-9: ]+)$`)

// found are the contents that a file in /seen has had, in every round.
func (r *canaryRun) found(t *testing.T, name string) (all []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.dir, stageUp, "seen", name+".*"))
	if err != nil || len(paths) < canaryRounds() {
		t.Fatalf("%s was found %d times, %v", name, len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// wantResolverFiles looks at each line of resolv.conf, as it was and is.
func (r *canaryRun) wantResolverFiles(t *testing.T) {
	t.Helper()
	const path = "/etc/resolv.conf"
	for _, text := range append(r.found(t, filepath.Base(path)), r.read(path)) {
		if text == "" || len(text) > 64<<10 {
			t.Errorf("%s has %d octets", path, len(text))
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			if !resolverLine.MatchString(line) || strings.Contains(line, "192.0.2.66") {
				t.Errorf("%s: %.300q", path, line)
			}
		}
	}
}

// What an entry of an environment may be: a name, and a value without any octet
// that is not in this set; what begins with a hyphen is a number.
var envEntry = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=(|-[0-9]+|[A-Za-z0-9._:/@%+=,~?][A-Za-z0-9 ._:/@%+=,~?-]*)$`)

// wantEnvironments looks at what the scripts were given.
func (r *canaryRun) wantEnvironments(t *testing.T) {
	t.Helper()
	for _, env := range r.found(t, "environ") {
		if len(env) > 96<<10 {
			t.Errorf("an environment of %d octets", len(env))
		}
		for entry := range strings.SplitSeq(strings.TrimSuffix(env, "\x00"), "\x00") {
			if !inherits(entry) && (!envEntry.MatchString(entry) || len(entry) > 8<<10) {
				t.Errorf("environment: %.300q", entry)
			}
		}
	}
}

func asText(s string) string { return s }
func asHex(s string) string  { return hex.EncodeToString([]byte(s)) }

// inherits says that an entry is one of this process.
func inherits(entry string) bool { return slices.Contains(os.Environ(), entry) }

// wantDocuments looks at what programs of JSON were given.
func (r *canaryRun) wantDocuments(t *testing.T, path string) {
	t.Helper()
	n := 0
	for _, line := range r.lines(path) {
		wantPlain(t, "a document", line[:min(len(line), 1000)])
		var doc hook.Document
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&doc); err != nil {
			t.Fatalf("%v: %.300q", err, line)
		}
		if doc.Lease != nil {
			n++
			for _, name := range slices.Concat([]string{doc.Lease.Domain, doc.Lease.Hostname}, doc.Lease.Search) {
				if name != "" && !lease.ValidName(name) {
					t.Errorf("a name is %.300q", name)
				}
			}
		}
	}
	if n < canaryRounds() {
		t.Errorf("%d documents with a lease", n)
	}
}

// documents keeps what it reads, and says of which round it is.
const documents = `#!/bin/sh
head -n 1 >/seen/document; cat /seen/document >>/seen/documents
opt230=$(sed -n 's/.*"lease":{.*"230":"\([0-9a-f]*\)".*"old_lease".*/\1/p; t; s/.*"230":"\([0-9a-f]*\)".*/\1/p' /seen/document)
` + careless

// Under its own name, with our own configurator and resolver file.
func TestCanary_Own(t *testing.T) {
	t.Parallel()
	r := runCanary(t, map[string]string{"/script": documents}, asHex,
		"dhclient-go", "eth0", "-vv", "--json", "--resolv-conf", "/etc/resolv.conf", "--script", "/script")
	r.wantResolverFiles(t)
	r.wantDocuments(t, "/seen/documents")
	all, _ := r.client.stdout.get()
	for _, line := range all {
		if !json.Valid([]byte(line)) {
			t.Errorf("an event: %.300q", line)
		}
	}
	var kept struct{ Lease lease.Lease }
	const file = "/var/lib/dhclient-go/eth0.json"
	if err := json.Unmarshal([]byte(r.read(file)), &kept); err != nil || kept.Lease.Address != host(10) {
		t.Errorf("%s: %v, %+v", file, err, kept.Lease)
	}
	r.check(t, "/etc/resolv.conf", "/var/lib/dhclient-go/", "/run/dhclient-go/", "/seen/")
}

// With scripts of another client, and the ladder or a log in JSON.
func TestCanary_OwnWithTheirScripts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect          string
		named            func(string) string
		configure, flags string
	}{
		{"dhclient", asText, `[ -z "$new_ip_address" ] || ip addr replace "$new_ip_address/24" dev eth0`, "--trace -vv"},
		{"udhcpc", asHex, `[ -z "$ip" ] || ip addr replace "$ip/24" dev eth0`, "-vv --log-format json"},
	} {
		t.Run(c.dialect, func(t *testing.T) {
			t.Parallel()
			argv := slices.Concat([]string{"dhclient-go", "eth0", "--script-env", c.dialect, "--script", "/script"}, strings.Fields(c.flags))
			r := runCanary(t, map[string]string{"/script": "#!/bin/sh\n" + c.configure + "\n" + careless}, c.named, argv...)
			r.wantEnvironments(t)
			r.check(t, "/var/lib/dhclient-go/", "/run/dhclient-go/", "/seen/")
		})
	}
}

// As dhclient, with Debian's own script and a careless hook in it.
func TestCanary_Dhclient(t *testing.T) {
	t.Parallel()
	needFile(t, "/sbin/dhclient-script")
	r := runCanary(t, map[string]string{
		"/etc/dhcp/dhclient-enter-hooks.d/careless": careless,
		"/etc/dhcp/dhclient.conf":                   "timeout 60;\n",
	}, asText, "dhclient", "-v", "-d", "eth0")
	r.wantResolverFiles(t)
	r.wantEnvironments(t)
	const file = "/var/lib/dhcp/dhclient.leases"
	for _, text := range append(r.found(t, filepath.Base(file)), r.read(file)) {
		wantLeaseFile(t, text)
	}
	r.check(t, "/etc/resolv.conf", file, "/run/dhclient.pid", "/run/systemd/", "/seen/")
}

// As udhcpc, with Debian's own script behind a careless one.
func TestCanary_Udhcpc(t *testing.T) {
	t.Parallel()
	needFile(t, "/etc/udhcpc/default.script")
	r := runCanary(t, map[string]string{
		"/script": "#!/bin/sh\n_event=$1\n" + careless + "\nexec /etc/udhcpc/default.script $_event\n",
	}, asHex, "udhcpc", "-f", "-i", "eth0", "-s", "/script")
	r.wantResolverFiles(t)
	r.wantEnvironments(t)
	r.check(t, "/etc/resolv.conf", "/seen/")
}

// needFile skips a test for want of a file of a package; in CI all are there.
func needFile(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("there is no %s", path)
	}
	t.Skipf("there is no %s", path)
}

// wantLeaseFile reads a dhclient.leases as we do, and as programs do that look
// for its braces and semicolons only.
func wantLeaseFile(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		wantPlain(t, "the lease file", strings.TrimSuffix(line, "\n")[:min(len(line)-1, 1000)])
	}
	l, err := isc.ParseLeases("dhclient.leases", []byte(text), nil)
	if err != nil || len(l.Warnings) > 0 || len(l.Blocks) == 0 {
		t.Fatalf("the lease file: %v, %v", err, l)
	}
	for _, b := range l.Blocks {
		if b.Interface != "eth0" || b.Address != host(10) {
			t.Errorf("a lease of %q for %v", b.Interface, b.Address)
		}
	}
	// cloud-init's way, in its own order: blocks by a regular expression, then
	// lines, without quotation marks.
	blocks := regexp.MustCompile(`(?s)lease \{(.*?)\}\n`).FindAllStringSubmatch(text, -1)
	if len(blocks) != len(l.Blocks) {
		t.Errorf("%d blocks, of which programs see %d", len(l.Blocks), len(blocks))
	}
	for _, b := range blocks {
		got := map[string][]string{}
		for line := range strings.SplitSeq(b[1], ";") {
			line = strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(line), `"`, ""), "option ", "")
			if key, value, ok := strings.Cut(line, " "); ok {
				got[key] = append(got[key], value)
			}
		}
		address := got["fixed-address"]
		if len(address) != 1 || address[0] != host(10).String() {
			t.Errorf("programs see the addresses %q", address)
		}
	}
}
