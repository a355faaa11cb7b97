package hook

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// hostile are values that make a careless shell, or one that knows them as a
// pattern, a path or an option, do something; CANARY is a file that must not be
// made.
var hostile = []string{
	"$(>CANARY)", "`>CANARY`", ";>CANARY;", "|>CANARY", "&>CANARY&", "\n>CANARY\n", "\r\n>CANARY\r\n",
	`';>CANARY;'`, `";>CANARY;"`, `\";>CANARY;\"`, "a\x00;>CANARY", "() { :;}; >CANARY", ">CANARY", "<(>CANARY)", "x>CANARY", "a b;>CANARY",
	"touch${IFS}CANARY", "{touch,CANARY}", "touch CANARY", "touch\tCANARY", "$((a[$(>CANARY)]))", "${x:=$(>CANARY)}", "#\n>CANARY",
	"-e;>CANARY", "--exec=>CANARY", "../../../../../../CANARY", "/etc/passwd\x00CANARY", "*", "?*", "[!a]", "~root;>CANARY", "%n%s%x", "!!",
	"\xff\xfe\x80;>CANARY", "\u2028>CANARY", "a.example;>CANARY", "a.example b.example;>CANARY", "192.0.2.1;>CANARY", "http://x/$(>CANARY)",
	"\x01a\x00\x09$(>CANARY)\x00", "\x18\x0a\x00\x00$(>CANARY)",
}

// hostileValues are those for one file, and texts of 64 KiB.
func hostileValues(canary string) (list [][]byte) {
	for _, v := range hostile {
		list = append(list, []byte(strings.ReplaceAll(v, "CANARY", canary)))
	}
	long := strings.Repeat(";>"+canary+";", 65535/(len(canary)+3)+1)[:65535]
	return append(list, []byte(strings.Repeat("x", 65535)), []byte(long), []byte(strings.Repeat("a.", 32767)), bytes.Repeat([]byte{0}, 65535))
}

// hostileLease has the value in every option, and wherever a server can put it.
func hostileLease(t testing.TB, v []byte) *lease.Lease {
	t.Helper()
	options := map[uint8][]byte{}
	for code := 1; code < 255; code++ {
		options[uint8(code)] = v
	}
	// Without these there is no lease.
	options[51], options[54] = []byte{0, 0, 14, 16}, []byte{10, 9, 0, 1}
	l, err := client.LeaseFromOptions(netip.MustParseAddr("10.9.0.5"), options)
	if err != nil {
		t.Fatal(err)
	}
	l.Options = options // of which that has dropped the long ones
	l.Start, l.T1, l.T2 = time.Unix(1800000000, 0), 30*time.Minute, 50*time.Minute
	if lease.ValidHeaderText(string(v), lease.MaxServerName) {
		l.ServerName, l.BootFile = string(v), string(v)
	}
	if u := "http://x/" + string(v); lease.ValidURL(u) {
		l.CaptivePortal = u
	}
	return l
}

var (
	goodName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	goodValue = regexp.MustCompile(`^[A-Za-z0-9._:/@%+=,~?-]+( [A-Za-z0-9._:/@%+=,~?-]+)*$`)
	goodField = regexp.MustCompile(`(^| )-[^0-9]`)
)

// inspect holds an environment against the rule of package option and the limits
// of the kernel (execve(2)).
func inspect(t testing.TB, env []string, ours map[string]string) {
	t.Helper()
	total := 0
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		if was, ok := ours[name]; ok && was == value {
			continue // inherited
		}
		if !goodName.MatchString(name) || !goodValue.MatchString(value) || goodField.MatchString(value) || len(v) > 8192 {
			t.Errorf("%.200q", v)
		}
		total += len(v) + 1 + 8
	}
	if total > 128<<10 {
		t.Errorf("%d octets of environment", total)
	}
}

// careless is a script that does with each of its variables what no script should.
const careless = `
for name in $(tr '\0' '\n' </proc/$$/environ | sed -n 's/=.*//p'); do
	case $name in PATH|LD_*|[A-Z]*) continue;; esac
	eval "value=\$$name"
	eval "copy=$value"
	eval "echo $value" >/dev/null
	eval "$value"
	eval "set -- $value"
	eval "[ x = $value ]"
	: $value "${copy#$value}"
	seen=$((seen+1))
done 2>/dev/null
echo "seen $seen" >>SEEN
`

// TestCanary fills leases with hostile values and gives them to scripts that eval
// all they get. No file is made, no variable holds what the rule forbids, and the
// program that reads JSON gets the very octets.
func TestCanary(t *testing.T) {
	t.Parallel()
	for _, d := range []Dialect{Dhclient, Udhcpc, JSON} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			canary, seen := filepath.Join(dir, "canary"), filepath.Join(dir, "seen")
			r := record(t, strings.ReplaceAll(careless, "SEEN", seen))
			s, _ := newScript(t, Config{Programs: []string{r.path}, Dialect: d})
			var prev *lease.Lease
			for i, v := range hostileValues(canary) {
				l := hostileLease(t, v)
				if d == JSON && len(v) > 1000 {
					// All of them would be 60 MB of document.
					maps.DeleteFunc(l.Options, func(code uint8, _ []byte) bool { return code < 240 })
				}
				n := news{why: client.ReasonRenew, next: l, old: prev, message: string(v)}
				for _, event := range []string{"RENEW", "nak"} {
					call, err := s.call(n, event)
					if err != nil {
						t.Fatal(err)
					}
					inspect(t, call.env, envOf(os.Environ()))
				}
				apply(t, s, client.ReasonRenew, l)
				if d == JSON {
					sameOctets(t, readFile(t, filepath.Join(r.dir, strconv.Itoa(i), "stdin")), v)
				}
				if _, err := os.Lstat(canary); err == nil {
					t.Fatalf("%.80q was run", v)
				}
				prev = l
			}
			if n := strings.Count(readFile(t, seen), "seen "); n != len(hostileValues(canary)) {
				t.Errorf("the script came to its end %d times", n)
			}
		})
	}
}

func sameOctets(t *testing.T, document string, v []byte) {
	t.Helper()
	var d Document
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatalf("%v: %.200s", err, document)
	}
	if got := d.Lease.Options[245]; !bytes.Equal(got, v) {
		t.Errorf("option 245 is %.80q, want %.80q", got, v)
	}
}

// The careless script does run what it can: else it would be no test.
func TestCanary_CanDie(t *testing.T) {
	t.Parallel()
	for _, v := range hostile[:6] {
		dir := t.TempDir()
		canary := filepath.Join(dir, "canary")
		path := program(t, strings.ReplaceAll(careless, "SEEN", filepath.Join(dir, "seen")))
		s, _ := newScript(t, Config{Programs: []string{path}, Dialect: Dhclient, Env: []string{"new_evil=" + strings.ReplaceAll(v, "CANARY", canary)}})
		apply(t, s, client.ReasonBound, sample(t, 5))
		if _, err := os.Stat(canary); err != nil {
			t.Errorf("%q was not run", v)
		}
	}
}

// FuzzEnvironment: whatever the options, the rule.
func FuzzEnvironment(f *testing.F) {
	for i, v := range hostileValues("/x") {
		if len(v) < 1000 {
			f.Add(uint8(i+1), v, uint8(i+60), v, string(v))
		}
	}
	scripts := map[Dialect]*Script{}
	for _, d := range []Dialect{Dhclient, Udhcpc} {
		scripts[d], _ = newScript(f, Config{Programs: []string{"/bin/true"}, Dialect: d})
	}
	ours := envOf(os.Environ())
	f.Fuzz(func(t *testing.T, a uint8, v []byte, b uint8, w []byte, message string) {
		options := map[uint8][]byte{a: v, b: w, 51: {0, 0, 0, 60}, 54: {10, 9, 0, 1}}
		l, err := client.LeaseFromOptions(netip.MustParseAddr("10.9.0.5"), options)
		if err != nil {
			return
		}
		l.ServerName, l.BootFile, l.CaptivePortal = message, message, message
		n := news{why: client.ReasonRenew, next: l, old: l, message: message}
		inspect(t, scripts[Dhclient].dhclientCall(n, "RENEW").env, ours)
		inspect(t, scripts[Udhcpc].udhcpcCall(n, "renew").env, ours)
		inspect(t, scripts[Udhcpc].udhcpcCall(n, "nak").env, ours)
	})
}

// What is too long, or too much, is left out and said once; the rest is there, and
// so is the newer of two leases.
func TestEnvironment_IsBounded(t *testing.T) {
	t.Parallel()
	s, j := newScript(t, Config{Programs: []string{"/bin/true"}, Dialect: Dhclient})
	l := sample(t, 5)
	for code := 128; code < 255; code++ {
		l.Options[uint8(code)] = bytes.Repeat([]byte{0xff}, 1300) // 3900 octets of text
	}
	l.Options[253] = bytes.Repeat([]byte{1}, 60000)
	for range 2 {
		env := envOf(s.dhclientCall(news{why: client.ReasonRenew, next: l, old: l}, "RENEW").env)
		for _, prefix := range []string{"new_", "old_"} {
			if env[prefix+"ip_address"] != "10.9.0.5" || env[prefix+"routers"] == "" || env[prefix+"unknown_129"] == "" || env[prefix+"unknown_251"] != "" || env[prefix+"unknown_253"] != "" {
				t.Errorf("%sip_address=%s %srouters=%s", prefix, env[prefix+"ip_address"], prefix, env[prefix+"routers"])
			}
		}
	}
	for _, want := range []string{"name=new_unknown_253 err=\"" + errTooLong.Error(), "name=new_unknown_251 err=\"" + errTooMuch.Error()} {
		if strings.Count(j.String(), want) != 1 {
			t.Errorf("%s is in the log %d times", want, strings.Count(j.String(), want))
		}
	}
	if n := strings.Count(j.String(), "level=WARN"); n > 500 {
		t.Errorf("%d warnings", n)
	}
}
