package netcfg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A desk is a resolv.conf and the directory that clients share.
type desk struct {
	path, stateDir string
	log            *logBuffer
}

const original = "# by hand\nnameserver 192.0.2.53\noptions  edns0 trust-ad\nsearch old.example\n"

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "state"), &logBuffer{}}
	writeFile(t, d.path, original)
	return d
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// client is a client for a link, as a new process would have it.
func (d *desk) client(t *testing.T, link string, metric int) *Resolver {
	t.Helper()
	r, err := NewResolver(ResolverConfig{Interface: link, Path: d.path, StateDir: d.stateDir, Metric: metric, Logger: d.log.logger(slog.LevelWarn)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func apply(t *testing.T, r *Resolver, next string, prev ...string) {
	t.Helper()
	var l *lease.Lease
	if next != "" {
		l = newLease(t, next)
	}
	var before []*lease.Lease
	for _, text := range prev {
		before = append(before, newLease(t, text))
	}
	if err := r.Apply(t.Context(), l, before); err != nil {
		t.Fatal(err)
	}
}

const (
	dnsA = "10.0.0.5/24 dns 10.0.0.1 dns 10.0.0.2 domain a.example"
	dnsB = "10.1.0.5/24 dns 10.1.0.1 dns 10.0.0.2 search b.example search a.example"
)

// originalKept is how original goes along in a file of ours.
const originalKept = "# dhclient-go puts this back: file, 75 octets\n" +
	"#~ # by hand\n#~ nameserver 192.0.2.53\n#~ options  edns0 trust-ad\n#~ search old.example\n"

// written is a file of ours that has taken the place of original.
func written(links, body string) string { return ourFile(links, body) + originalKept }

func ourFile(links, body string) string {
	return header + links + "; changes are lost with the next lease,\n# and what stood here before comes back after the last one.\n" + body
}

func TestResolver_OneClient(t *testing.T) {
	d := newDesk(t)
	if err := os.Chmod(d.path, 0o604); err != nil {
		t.Fatal(err)
	}
	r := d.client(t, "eth0", 100)
	apply(t, r, dnsA)
	want := written("eth0", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.example\noptions edns0 trust-ad\n")
	if got := readFile(t, d.path); got != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
	if st, err := os.Stat(d.path); err != nil || st.Mode() != 0o604 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	before, _ := os.Stat(d.path)
	apply(t, r, dnsA)
	if after, _ := os.Stat(d.path); !os.SameFile(before, after) {
		t.Error("written again though nothing is new")
	}
	apply(t, r, "10.0.0.5/24 dns 10.0.0.9")
	if got, want := readFile(t, d.path), written("eth0", "nameserver 10.0.0.9\noptions edns0 trust-ad\n"); got != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
	apply(t, r, "", dnsA)
	if got := readFile(t, d.path); got != original {
		t.Errorf("restored:\n%s", got)
	}
	if st, err := os.Stat(d.path); err != nil || st.Mode() != 0o604 {
		t.Errorf("restored mode %v, %v", st.Mode(), err)
	}
	if got := d.log.String(); got != "" {
		t.Errorf("log: %s", got)
	}
}

// A lease without name servers must not leave the host without any.
func TestResolver_NoServersNoChange(t *testing.T) {
	d := newDesk(t)
	r := d.client(t, "eth0", 100)
	for _, text := range []string{"10.0.0.5/24 domain a.example", "10.0.0.5/24 dns 0.0.0.0 dns 127.0.0.1 dns 224.0.0.1 dns 255.255.255.255 dns fe80::1", "10.0.0.5/24 dns 10.0.0.1 for 0s", ""} {
		apply(t, r, text, "10.0.0.5/24")
		if got := readFile(t, d.path); got != original {
			t.Errorf("lease %q changed the file to:\n%s", text, got)
		}
	}
	if _, err := os.Stat(d.stateDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state was made for nothing: %v", err)
	}
	apply(t, r, dnsA)
	apply(t, r, "10.0.0.5/24 domain a.example", dnsA)
	if got := readFile(t, d.path); got != original {
		t.Errorf("a lease that has no name servers any more left:\n%s", got)
	}
}

func TestResolver_ClientsShareTheFile(t *testing.T) {
	d := newDesk(t)
	a, b := d.client(t, "eth1", 100), d.client(t, "eth0", 200)
	apply(t, b, dnsB)
	apply(t, a, dnsA)
	both := written("eth1, eth0", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.1.0.1\nsearch a.example b.example\noptions edns0 trust-ad\n")
	if got := readFile(t, d.path); got != both {
		t.Errorf("file:\n%s\nwant:\n%s", got, both)
	}
	// The first that came leaves first, as another process.
	apply(t, d.client(t, "eth0", 200), "", dnsB)
	if got, want := readFile(t, d.path), written("eth1", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.example\noptions edns0 trust-ad\n"); got != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
	apply(t, a, "", dnsA)
	if got := readFile(t, d.path); got != original {
		t.Errorf("restored:\n%s", got)
	}
	// Equal metrics: by name.
	apply(t, d.client(t, "eth1", 100), dnsA)
	apply(t, d.client(t, "eth0", 100), dnsB)
	if got := readFile(t, d.path); !strings.HasPrefix(got, header+"eth0, eth1;") {
		t.Errorf("file:\n%s", got)
	}
}

// The lease of a client that died ends for the resolver too.
func TestResolver_EntryOfADeadClientExpires(t *testing.T) {
	d := newDesk(t)
	apply(t, d.client(t, "eth0", 1), "10.0.0.5/24 dns 10.0.0.1 for 50ms")
	time.Sleep(60 * time.Millisecond) // the lease, not luck
	apply(t, d.client(t, "eth1", 2), dnsB+" for ever")
	if got := readFile(t, d.path); strings.Contains(got, "10.0.0.1\n") {
		t.Errorf("name server of a lease that is over:\n%s", got)
	}
}

func TestResolver_Limits(t *testing.T) {
	d := newDesk(t)
	text := "10.0.0.5/24"
	for i := range 5 {
		text += fmt.Sprintf(" dns 10.0.0.%d", i+1)
	}
	for i := range 9 {
		text += fmt.Sprintf(" search %s%d.example", strings.Repeat("x", 40), i)
	}
	apply(t, d.client(t, "eth0", 1), text)
	got := readFile(t, d.path)
	if strings.Count(got, "\nnameserver") != 3 || !strings.Contains(got, "# 2 more left out: only the first 3 are read") {
		t.Errorf("servers:\n%s", got)
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "search") && (len(line) > maxSearch+len("search\n") || strings.Count(line, ".example") != 5) {
			t.Errorf("search line of %d octets: %s", len(line), line)
		}
	}
	if !strings.Contains(got, "# 4 more left out: only 256 octets are read") {
		t.Errorf("names:\n%s", got)
	}
}

// CVE-2011-0997 and its kind: what a server sends must not become a line of its
// own, nor anything but what it claims to be.
func TestResolver_HostileValues(t *testing.T) {
	d := newDesk(t)
	l := newLease(t, "10.0.0.5/24 dns 10.0.0.1 dns 10.0.0.1")
	l.DNS = append(l.DNS, netip.MustParseAddr("fe80::1%eth0"), netip.Addr{})
	l.Search = []string{"ok.example", "ok.example.", "x\nnameserver 6.6.6.6", "$(touch x)", "a b", "-x.example", "x-.example", "a..b", ".", "", "ünï.example",
		"nul\x00.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "aa", "under_score.example"}
	if err := d.client(t, "eth0", 1).Apply(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := readFile(t, d.path), written("eth0", "nameserver 10.0.0.1\nsearch ok.example\noptions edns0 trust-ad\n"); got != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
}

func TestResolver_ChangedBySomebodyElse(t *testing.T) {
	const theirs = "nameserver 203.0.113.1\n"
	t.Run("nothing new: theirs stays", func(t *testing.T) {
		d := newDesk(t)
		r := d.client(t, "eth0", 1)
		apply(t, r, dnsA)
		writeFile(t, d.path, theirs)
		apply(t, r, dnsA)
		if got := readFile(t, d.path); got != theirs {
			t.Errorf("file:\n%s", got)
		}
		apply(t, r, "", dnsA)
		if got := readFile(t, d.path); got != theirs {
			t.Errorf("restored over it:\n%s", got)
		}
		if got := strings.Count(d.log.String(), "changed by somebody else"); got != 2 {
			t.Errorf("log: %s", d.log)
		}
	})
	t.Run("new name servers: theirs comes back at the end", func(t *testing.T) {
		d := newDesk(t)
		r := d.client(t, "eth0", 1)
		apply(t, r, dnsA)
		writeFile(t, d.path, theirs)
		apply(t, r, dnsB)
		if got := readFile(t, d.path); !strings.Contains(got, "10.1.0.1") {
			t.Errorf("file:\n%s", got)
		}
		apply(t, r, "", dnsB)
		if got := readFile(t, d.path); got != theirs {
			t.Errorf("restored:\n%s", got)
		}
	})
}

func TestResolver_Crashes(t *testing.T) {
	t.Run("before the first text was written", func(t *testing.T) {
		d := newDesk(t)
		apply(t, d.client(t, "eth0", 1), dnsA)
		writeFile(t, d.path, original) // as if only the note had been
		apply(t, d.client(t, "eth0", 1), dnsA)
		if got := readFile(t, d.path); !strings.HasPrefix(got, header) {
			t.Errorf("file:\n%s", got)
		}
		apply(t, d.client(t, "eth0", 1), "", dnsA)
		if got := readFile(t, d.path); got != original {
			t.Errorf("restored:\n%s", got)
		}
	})
	t.Run("between two texts", func(t *testing.T) {
		d := newDesk(t)
		apply(t, d.client(t, "eth0", 1), dnsA)
		first := readFile(t, d.path)
		apply(t, d.client(t, "eth0", 1), dnsB)
		writeFile(t, d.path, first) // as if only the note had been
		apply(t, d.client(t, "eth0", 1), "", dnsB)
		if got := readFile(t, d.path); got != original {
			t.Errorf("restored:\n%s", got)
		}
	})
	t.Run("damaged notes", func(t *testing.T) {
		d := newDesk(t)
		apply(t, d.client(t, "eth0", 1), dnsA)
		dir := d.client(t, "eth0", 1).methods[0].(*fileBackend).dir()
		writeFile(t, filepath.Join(dir, "link-eth1.json"), "{")
		writeFile(t, filepath.Join(dir, "link-eth2.json"), `{"servers":["fe80::1"],"metric":1}`)
		writeFile(t, filepath.Join(dir, "link-x\ny.json"), `{"servers":["6.6.6.6"],"metric":1}`)
		writeFile(t, filepath.Join(dir, "link-eth4.json"), strings.Repeat(" ", maxStateFile+1))
		if err := unix.Mkfifo(filepath.Join(dir, "link-eth5.json"), 0o644); err != nil {
			t.Fatal(err)
		}
		apply(t, d.client(t, "eth0", 1), dnsB)
		if got := readFile(t, d.path); !strings.HasPrefix(got, header+"eth0;") || strings.Contains(got, "6.6.6.6") {
			t.Errorf("file:\n%s", got)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "link-*")); len(left) != 1 {
			t.Errorf("left: %q", left)
		}
	})
}

func TestResolver_Links(t *testing.T) {
	t.Run("the target is written", func(t *testing.T) {
		d := newDesk(t)
		real := filepath.Join(filepath.Dir(d.path), "real.conf")
		must(t, os.Rename(d.path, real))
		must(t, os.Symlink("real.conf", d.path))
		r := d.client(t, "eth0", 1)
		apply(t, r, dnsA)
		if got := readFile(t, real); !strings.HasPrefix(got, header) {
			t.Errorf("target:\n%s", got)
		}
		apply(t, r, "", dnsA)
		if got := readFile(t, real); got != original {
			t.Errorf("restored target:\n%s", got)
		}
		if link, err := os.Readlink(d.path); err != nil || link != "real.conf" {
			t.Errorf("link %q, %v", link, err)
		}
	})
	for name, link := range map[string]string{
		"systemd-resolved's stub, without systemd-resolved": resolvedRun + "/stub-resolv.conf",
		"nowhere":     "no/such/directory/resolv.conf",
		"in a circle": "resolv.conf",
	} {
		t.Run(name, func(t *testing.T) {
			nettest.Require(t)
			d := newDesk(t)
			must(t, os.Remove(d.path))
			must(t, os.Symlink(link, d.path))
			r := d.client(t, "eth0", 1)
			apply(t, r, dnsA)
			if st, err := os.Lstat(d.path); err != nil || !st.Mode().IsRegular() || !strings.HasPrefix(readFile(t, d.path), header) {
				t.Errorf("the link was not replaced: %v, %v", st.Mode(), err)
			}
			apply(t, r, "", dnsA)
			if got, err := os.Readlink(d.path); err != nil || got != link {
				t.Errorf("link %q, %v", got, err)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		d := newDesk(t)
		must(t, os.Remove(d.path))
		r := d.client(t, "eth0", 1)
		apply(t, r, dnsA)
		if st, err := os.Stat(d.path); err != nil || st.Mode() != 0o644 {
			t.Errorf("new file: %v, %v", st, err)
		}
		apply(t, r, "", dnsA)
		if _, err := os.Lstat(d.path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file is still there: %v", err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A container's resolv.conf is a file mounted on its path: it cannot be
// replaced, and other namespaces have others there.
func TestResolver_MountedFile(t *testing.T) {
	nettest.Require(t)
	d := newDesk(t)
	for _, shared := range []string{"one", "two"} {
		source := filepath.Join(filepath.Dir(d.path), shared)
		before := original + strings.Repeat("# long\n", 200) + shared
		writeFile(t, source, before)
		must(t, unix.Mount(source, d.path, "", unix.MS_BIND, ""))
		r := d.client(t, "eth0", 1)
		apply(t, r, dnsA)
		want := ourFile("eth0", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.example\noptions edns0 trust-ad\n") + quoted(kindFile, before)
		if got := readFile(t, source); got != want {
			t.Errorf("file:\n%s\nwant:\n%s", got, want)
		}
		apply(t, r, "", dnsA)
		if got := readFile(t, source); !strings.HasSuffix(got, shared) || !strings.HasPrefix(got, original) {
			t.Errorf("restored:\n%s", got)
		}
		apply(t, r, dnsA)
		must(t, unix.Unmount(d.path, 0))
	}
	if got := readFile(t, d.path); got != original {
		t.Errorf("what is below the mount was changed:\n%s", got)
	}
	// The same in a directory where nothing can be made.
	dir := filepath.Join(t.TempDir(), "ro")
	must(t, os.Mkdir(dir, 0o755))
	must(t, unix.Mount("none", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	d.path = filepath.Join(dir, "resolv.conf")
	writeFile(t, d.path, original)
	must(t, unix.Mount("none", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	r := d.client(t, "eth0", 1)
	if err := r.Apply(t.Context(), newLease(t, dnsA), nil); !errors.Is(err, unix.EROFS) {
		t.Errorf("read-only file: %v", err)
	}
}

func TestResolver_InPlaceWhereRenameFails(t *testing.T) {
	for _, err := range []error{unix.EBUSY, unix.EROFS, unix.EACCES, unix.EPERM, unix.EXDEV} {
		if !inPlaceHelps(&os.LinkError{Op: "rename", Err: err}) {
			t.Errorf("%v is final", err)
		}
	}
	if inPlaceHelps(unix.ENOSPC) {
		t.Error("a full disk is written in place")
	}
}

func TestResolver_InPlaceLeavesNoRest(t *testing.T) {
	for size, want := range map[int64]string{0: "ab", 2: "ab", 4: "ab\n\n", maxStateFile * 2: "ab"} {
		if got := filledUp([]byte("ab"), size); string(got) != want {
			t.Errorf("over %d octets: %q, want %q", size, got, want)
		}
	}
}

// Readers never see an empty or half file, whenever the writer is killed.
func TestResolver_KilledWriter(t *testing.T) {
	nettest.Require(t)
	for _, mount := range []bool{false, true} {
		t.Run(fmt.Sprintf("mounted=%t", mount), func(t *testing.T) {
			d := newDesk(t)
			if mount {
				must(t, unix.Mount(d.path, d.path, "", unix.MS_BIND, ""))
				t.Cleanup(func() { must(t, unix.Unmount(d.path, 0)) })
			}
			texts := map[string]bool{original: true}
			for _, text := range []string{dnsA, dnsB} {
				apply(t, d.client(t, "eth0", 1), text)
				texts[readFile(t, d.path)] = true
			}
			for range 100 {
				killWriter(t, d)
				if got := strings.TrimRight(readFile(t, d.path), "\n") + "\n"; !texts[got] {
					t.Fatalf("file:\n%q", got)
				}
			}
			apply(t, d.client(t, "eth0", 1), "", dnsA)
			if got := strings.TrimRight(readFile(t, d.path), "\n") + "\n"; got != original {
				t.Errorf("restored:\n%s", got)
			}
		})
	}
}

const writerEnv = "DHCLIENT_GO_TEST_WRITER"

// killWriter starts a process that writes the file again and again, and kills it.
func killWriter(t *testing.T, d *desk) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$")
	cmd.Env = append(os.Environ(), writerEnv+"="+d.path+":"+d.stateDir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if !bufio.NewScanner(out).Scan() {
		t.Error("the writer does not write")
	}
	time.Sleep(rand.N(3 * time.Millisecond)) // any moment will do
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
}

// TestWriterProcess is the process of killWriter.
func TestWriterProcess(t *testing.T) {
	path, stateDir, found := strings.Cut(os.Getenv(writerEnv), ":")
	if !found {
		t.Skip("only a part of TestResolver_KilledWriter")
	}
	d := &desk{path, stateDir, &logBuffer{}}
	r := d.client(t, "eth0", 1)
	fmt.Println("writing")
	for {
		for _, text := range []string{dnsA, dnsB, ""} {
			apply(t, r, text, dnsA)
		}
	}
}

func TestResolver_ManyAtOnce(t *testing.T) {
	d := newDesk(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := d.client(t, fmt.Sprintf("eth%d", i), i+1)
			for range 10 {
				apply(t, r, dnsA)
				apply(t, r, "", dnsA)
			}
		})
	}
	wg.Wait()
	if got := readFile(t, d.path); got != original {
		t.Errorf("restored:\n%s", got)
	}
}

func TestResolver_LockHasALimit(t *testing.T) {
	d := newDesk(t)
	r := d.client(t, "eth0", 1)
	apply(t, r, dnsA)
	lock, err := os.Open(filepath.Join(r.methods[0].(*fileBackend).dir(), "lock"))
	must(t, err)
	defer lock.Close()
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Apply(ctx, newLease(t, dnsB), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked by another for ever: %v", err)
	}
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_UN))
	apply(t, r, dnsB)
}

func TestNewResolver_Refuses(t *testing.T) {
	for _, cfg := range []ResolverConfig{
		{}, {Interface: "."}, {Interface: ".."}, {Interface: "a/b"}, {Interface: "-x"}, {Interface: "a\nb"}, {Interface: "a b"}, {Interface: "é"}, {Interface: strings.Repeat("x", 128)},
		{Interface: "eth0", Method: 9}, {Interface: "eth0", Method: MethodResolved, Path: "/x"},
	} {
		if _, err := NewResolver(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

func TestMethod_Names(t *testing.T) {
	for m := MethodAuto; m <= MethodFile; m++ {
		if got, err := ParseMethod(m.String()); err != nil || got != m {
			t.Errorf("%v is read as %v, %v", m, got, err)
		}
	}
	if _, err := ParseMethod("dbus"); err == nil {
		t.Error("an unknown name is read")
	}
	if got := Method(9).String(); got != "Method(9)" {
		t.Errorf("unknown method is %q", got)
	}
}

func TestHostName_RFC1123_2_1(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"a": true, "a-b.c1": true, "3com.example": true, label + ".b": true, strings.Join([]string{label, label, label, label[:61]}, "."): true,
		"": false, ".": false, "a.": false, ".a": false, "-a": false, "a-": false, "a_b": false, "a b": false, label + "a": false,
		strings.Join([]string{label, label, label, label[:62]}, "."): false, "a\n": false, "ä": false,
	} {
		if got := lease.ValidName(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}

// programs puts scripts in front of PATH that note how they are called.
func programs(t *testing.T, scripts map[string]string) (calls func() []string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		text := "#!/bin/sh\necho \"$0 $*\" | sed 's|.*/||' >>" + dir + "/calls\n" + script + "\n"
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() []string {
		b, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil {
			return nil
		}
		must(t, os.Remove(filepath.Join(dir, "calls")))
		return strings.Split(strings.TrimSpace(string(b)), "\n")
	}
}

// host is a Resolver without a path, on a host with a link eth0.
func host(t *testing.T, method Method) (*Resolver, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	r, err := NewResolver(ResolverConfig{Interface: "lo", Method: method, Logger: log.logger(slog.LevelInfo), StateDir: filepath.Join(t.TempDir(), "state")})
	must(t, err)
	return r, log
}

func TestResolver_Resolved(t *testing.T) {
	nettest.Require(t)
	must(t, os.MkdirAll(resolvedRun, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(filepath.Dir(resolvedRun))) })
	calls := programs(t, map[string]string{"resolvectl": "", "resolvconf": ""})
	file := readFile(t, DefaultResolvConf)
	r, _ := host(t, MethodAuto)
	apply(t, r, dnsA)
	apply(t, r, "10.0.0.5/24 dns 10.0.0.1")
	apply(t, r, "", dnsA)
	apply(t, r, "", "10.0.0.5/24") // no name servers were ever set: what is there is not ours
	want := []string{"resolvectl dns lo 10.0.0.1 10.0.0.2", "resolvectl domain lo a.example", "resolvectl dns lo 10.0.0.1", "resolvectl domain lo ", "resolvectl revert lo"}
	if got := calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
	if got := readFile(t, DefaultResolvConf); got != file {
		t.Errorf("the file was written:\n%s", got)
	}
	// As another process, which does not know who set them.
	r, _ = host(t, MethodAuto)
	apply(t, r, "", dnsA)
	if got, want := calls(), []string{"resolvectl revert lo", "resolvconf -d lo.dhclient-go -f"}; !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

func TestResolver_Resolvconf(t *testing.T) {
	nettest.Require(t)
	out := filepath.Join(t.TempDir(), "stdin")
	calls := programs(t, map[string]string{"resolvconf": `if [ "$1" = -a ]; then { echo "$IF_METRIC"; cat; } >` + out + "; fi"})
	r, _ := host(t, MethodAuto)
	apply(t, r, dnsA)
	if got, want := readFile(t, out), fmt.Sprintf("%d\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.example\n", r.cfg.Metric); got != want {
		t.Errorf("stdin %q, want %q", got, want)
	}
	apply(t, r, "", dnsA)
	if got, want := calls(), []string{"resolvconf -a lo.dhclient-go", "resolvconf -d lo.dhclient-go -f"}; !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

// A method that fails gives way to the next, and takes over when it works.
func TestResolver_FallsBack(t *testing.T) {
	nettest.Require(t)
	must(t, os.MkdirAll(resolvedRun, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(filepath.Dir(resolvedRun))) })
	works := filepath.Join(t.TempDir(), "works")
	programs(t, map[string]string{"resolvectl": "[ -e " + works + " ] || { echo no bus >&2; exit 1; }", "resolvconf": "exit 1"})
	before := readFile(t, DefaultResolvConf)
	r, _ := host(t, MethodAuto)
	apply(t, r, dnsA)
	if got := readFile(t, DefaultResolvConf); !strings.HasPrefix(got, header) {
		t.Errorf("file:\n%s", got)
	}
	writeFile(t, works, "")
	apply(t, r, dnsA)
	if got := readFile(t, DefaultResolvConf); got != before {
		t.Errorf("file, now that systemd-resolved has it:\n%s", got)
	}
	must(t, os.Remove(works))
	only, _ := host(t, MethodResolved)
	err := only.Apply(t.Context(), newLease(t, dnsA), nil)
	if err == nil || !strings.Contains(err.Error(), `resolvectl dns lo 10.0.0.1 10.0.0.2: exit status 1 (it said "no bus")`) {
		t.Errorf("the one method that is allowed: %v", err)
	}
	if err := only.Apply(t.Context(), nil, []*lease.Lease{newLease(t, dnsA)}); err == nil {
		t.Error("a revert that fails is no error")
	}
}

func TestResolver_NothingThere(t *testing.T) {
	nettest.Require(t)
	t.Setenv("PATH", t.TempDir())
	for _, m := range []Method{MethodResolved, MethodResolvconf} {
		r, _ := host(t, m)
		if err := r.Apply(t.Context(), newLease(t, dnsA), nil); !errors.Is(err, errNotHere) {
			t.Errorf("%v: %v", m, err)
		}
		if err := r.Apply(t.Context(), nil, []*lease.Lease{newLease(t, dnsA)}); err != nil {
			t.Errorf("%v: there is nothing to take back: %v", m, err)
		}
	}
}

func TestRun_HasALimit(t *testing.T) {
	nettest.Require(t)
	programs(t, map[string]string{"hangs": "sleep 1000 & wait"})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := run(ctx, program{name: "hangs"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("program that hangs: %v", err)
	}
	if took := time.Since(start); took > programTimeout {
		t.Errorf("it took %v", took)
	}
	programs(t, map[string]string{"talks": "yes no >&2 & sleep 0.05; kill $!; exit 3"})
	if err := run(t.Context(), program{name: "talks"}); err == nil || len(err.Error()) > 1000 {
		t.Errorf("program that talks: %v", err)
	}
}

// The resolver of the host is not that of another network namespace.
func TestResolver_OtherNamespace(t *testing.T) {
	ns := nettest.NewNS(t, "other")
	before := readFile(t, DefaultResolvConf)
	var r *Resolver
	log := &logBuffer{}
	ns.Do(t, func() {
		var err error
		r, err = NewResolver(ResolverConfig{Interface: "lo", Logger: log.logger(slog.LevelInfo)})
		must(t, err)
	})
	apply(t, r, dnsA)
	apply(t, r, "", dnsA)
	if got := readFile(t, DefaultResolvConf); got != before {
		t.Errorf("file:\n%s", got)
	}
	if !strings.Contains(log.String(), "another network namespace than the process") {
		t.Errorf("log: %s", log)
	}
	d := newDesk(t)
	ns.Do(t, func() { r = d.client(t, "lo", 1) })
	apply(t, r, dnsA)
	if got := readFile(t, d.path); !strings.HasPrefix(got, header) {
		t.Errorf("a path that was given is not written:\n%s", got)
	}
}

// A process in another namespace, as `ip netns exec` starts it, shares the
// file of the host unless it has one of its own.
func TestResolver_ProcessInOtherNamespace(t *testing.T) {
	ns := nettest.NewNS(t, "other")
	file := filepath.Join(t.TempDir(), "resolv.conf")
	writeFile(t, file, original)
	for _, own := range []bool{false, true} {
		command := "exec $0 -test.run=^TestHostProcess$ -test.v"
		if own { // its mounts are its own too
			command = "mount --bind " + file + " " + DefaultResolvConf + " && " + command
		}
		before := readFile(t, DefaultResolvConf)
		cmd := ns.Command(t.Context(), "/bin/sh", "-c", command, os.Args[0])
		cmd.Env = append(os.Environ(), hostEnv+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := readFile(t, DefaultResolvConf); got != before {
			t.Errorf("the host's file:\n%s", got)
		}
		if got := strings.Contains(string(out), "serves another network namespace"); got == own {
			t.Errorf("own file %t: %s", own, out)
		}
		if own && !strings.HasPrefix(readFile(t, file), header) {
			t.Errorf("its own file is not written: %s", out)
		}
	}
}

const hostEnv = "DHCLIENT_GO_TEST_HOST"

// TestHostProcess is the process of TestResolver_ProcessInOtherNamespace.
func TestHostProcess(t *testing.T) {
	if os.Getenv(hostEnv) == "" {
		t.Skip("only a part of TestResolver_ProcessInOtherNamespace")
	}
	r, log := host(t, MethodAuto)
	apply(t, r, dnsA)
	fmt.Println(log)
}
