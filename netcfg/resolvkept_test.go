package netcfg

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// boot takes away what a boot takes away.
func (d *desk) boot(t *testing.T) {
	t.Helper()
	must(t, os.RemoveAll(d.stateDir))
}

// ways are what a client does after a boot with a file of ours from before it:
// in the end each has to have given the file back.
var ways = map[string]func(t *testing.T, d *desk){
	"another lease": func(t *testing.T, d *desk) {
		apply(t, d.client(t, "eth0", 1), dnsB, dnsA)
		d.boot(t) // and once more
		apply(t, d.client(t, "eth0", 1), dnsA, dnsB)
		apply(t, d.client(t, "eth0", 1), "", dnsA)
	},
	"no lease any more": func(t *testing.T, d *desk) { apply(t, d.client(t, "eth0", 1), "", dnsA) },
	"a lease without name servers": func(t *testing.T, d *desk) {
		apply(t, d.client(t, "eth0", 1), "10.0.0.5/24", dnsA)
	},
	"a damaged note": func(t *testing.T, d *desk) {
		apply(t, d.client(t, "eth0", 1), dnsB, dnsA)
		writeFile(t, filepath.Join(d.client(t, "eth0", 1).methods[0].(*fileBackend).dir(), savedName), "{")
		apply(t, d.client(t, "eth0", 1), dnsA, dnsB)
		apply(t, d.client(t, "eth0", 1), "", dnsA)
	},
}

// With --on-exit keep the file is ours over a boot, which wipes out our notes.
func TestResolver_OriginalOutlivesABoot(t *testing.T) {
	long := strings.Repeat("# a long comment\n", 300)
	for name, text := range map[string][2]string{
		"as it came":         {original, original},
		"empty":              {"", ""},
		"no last line break": {"\n\nnameserver 192.0.2.53", "\n\nnameserver 192.0.2.53"},
		"only line breaks":   {"\n\n\n", "\n\n\n"},
		"not a text":         {"\x00\r\xff \n \n#~\n#~ x\n", "\x00\r\xff \n \n#~\n#~ x\n"},
		"like ours":          {"# x\n" + originalKept + header + "x\n", "# x\n" + originalKept + header + "x\n"},
		"too long":           {long + original + long, strings.TrimPrefix(original, "# by hand\n")},
	} {
		for way, do := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				d := newDesk(t)
				writeFile(t, d.path, text[0])
				must(t, os.Chmod(d.path, 0o604))
				apply(t, d.client(t, "eth0", 1), dnsA)
				if got := readFile(t, d.path); len(got) > maxFile || !strings.HasPrefix(got, header) {
					t.Errorf("file of %d octets:\n%s", len(got), got)
				}
				d.boot(t)
				do(t, d)
				if got := readFile(t, d.path); got != text[1] {
					t.Errorf("restored %q, want %q", got, text[1])
				}
				if st, err := os.Stat(d.path); err != nil || st.Mode() != 0o604 {
					t.Errorf("restored mode %v, %v", st.Mode(), err)
				}
			})
		}
	}
}

// So does that there was no file, or a link that cannot be written through.
func TestResolver_LinkOutlivesABoot(t *testing.T) {
	nettest.Require(t)
	for _, link := range []string{"", resolvedRun + "/stub-resolv.conf", "no/such/directory/x\n\xff"} {
		for way, do := range ways {
			t.Run(link+", "+way, func(t *testing.T) {
				d := newDesk(t)
				must(t, os.Remove(d.path))
				if link != "" {
					must(t, os.Symlink(link, d.path))
				}
				apply(t, d.client(t, "eth0", 1), dnsA)
				if st, err := os.Lstat(d.path); err != nil || !st.Mode().IsRegular() {
					t.Fatalf("no file: %v, %v", st, err)
				}
				d.boot(t)
				do(t, d)
				if got, err := os.Readlink(d.path); got != link || link == "" && !errors.Is(err, os.ErrNotExist) {
					t.Errorf("link %q, %v; want %q", got, err, link)
				}
			})
		}
	}
}

// What is only like what we write is not put back, and not taken for a note.
func TestResolver_KeptIsReadStrictly(t *testing.T) {
	whole := written("eth0", "nameserver 10.0.0.1\n")
	for name, text := range map[string]string{
		"none":              ourFile("eth0", "nameserver 10.0.0.1\n"),
		"another length":    strings.Replace(whole, "75 octets", "73 octets", 1),
		"negative":          strings.Replace(whole, "75 octets", "-1 octets", 1),
		"too much":          strings.Replace(whole, "75 octets", "99999999999 octets", 1),
		"another number":    strings.Replace(whole, "75 octets", "075 octets", 1),
		"no number":         strings.Replace(whole, "75 octets", "many octets", 1),
		"no unit":           strings.Replace(whole, "75 octets", "75", 1),
		"another kind":      strings.Replace(whole, "file, 75", "fifo, 75", 1),
		"nothing with text": strings.Replace(whole, "file, 75", "none, 75", 1),
		"a line more":       whole + "#~ nameserver 6.6.6.6\n",
		"a line less":       strings.Replace(whole, "#~ search old.example\n", "", 1),
		"a line changed":    strings.Replace(whole, "#~ search", "#~search", 1),
		"cut":               whole[:len(whole)-1],
		"cut after head":    strings.TrimSuffix(strings.SplitAfter(whole, "octets\n")[0], "\n"),
		"inside a line":     ourFile("eth0", "search x "+originalKept),
		"a file of ours":    ourFile("eth0", "") + quoted(kindFile, whole),
		"a link to nothing": ourFile("eth0", "") + quoted(kindLink, ""),
		"a link with NUL":   ourFile("eth0", "") + quoted(kindLink, "a\x00b"),
		"longer than ours":  ourFile("eth0", "") + quoted(kindFile, strings.Repeat("# x\n", 2000)),
		"not our file":      "# x\n" + whole,
	} {
		t.Run(name, func(t *testing.T) {
			if before, ok := (content{Kind: kindFile, Text: []byte(text)}).kept(); ok {
				t.Errorf("read as %+v", before)
			}
			d := newDesk(t)
			writeFile(t, d.path, text)
			apply(t, d.client(t, "eth0", 1), "", dnsA) // no note, nothing to put back
			if got := readFile(t, d.path); got != text {
				t.Errorf("became\n%s", got)
			}
			apply(t, d.client(t, "eth0", 1), dnsB)
			apply(t, d.client(t, "eth0", 1), "", dnsB)
			if got := readFile(t, d.path); strings.HasPrefix(text, header) && (strings.Contains(got, "nameserver") || got == "") {
				t.Errorf("name servers of a lease before the boot came back:\n%s", got)
			}
		})
	}
	// What somebody else appends does not cost the rest.
	d := newDesk(t)
	writeFile(t, d.path, whole+"\nnameserver 6.6.6.6\n")
	apply(t, d.client(t, "eth0", 1), "", dnsA)
	if got := readFile(t, d.path); got != original {
		t.Errorf("restored:\n%s", got)
	}
}

// A server that sends our marks as names puts nothing into the file with them.
func TestResolver_HostileMarks(t *testing.T) {
	d := newDesk(t)
	l := newLease(t, dnsA)
	evil := quoted(kindFile, "nameserver 6.6.6.6\n")
	l.Domain, l.Search = evil, []string{"x\n" + evil, keptMark + "file, 0 octets", keptLine, "ok.example\n" + evil, "ok.example"}
	r := d.client(t, "eth0", 1)
	if err := r.Apply(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := readFile(t, d.path), written("eth0", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch ok.example\noptions edns0 trust-ad\n"); got != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
	d.boot(t)
	apply(t, d.client(t, "eth0", 1), "", dnsA)
	if got := readFile(t, d.path); got != original {
		t.Errorf("restored:\n%s", got)
	}
}

// A file that does not fit in a page even without its comments is told.
func TestResolver_TooLongToGoAlong(t *testing.T) {
	d := newDesk(t)
	text := strings.Repeat("sortlist 192.0.2.0\n", 300)
	writeFile(t, d.path, text)
	r := d.client(t, "eth0", 1)
	apply(t, r, dnsA)
	apply(t, r, dnsA)
	if got := d.log.String(); strings.Count(got, "too long to go along") != 1 {
		t.Errorf("log: %s", got)
	}
	apply(t, r, "", dnsA)
	if got := readFile(t, d.path); got != text {
		t.Errorf("restored:\n%s", got)
	}
}

// resolvedThere makes the directory of systemd-resolved with its stub.
func resolvedThere(t *testing.T) (stub string) {
	t.Helper()
	nettest.Require(t)
	must(t, os.MkdirAll(resolvedRun, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(filepath.Dir(resolvedRun))) })
	stub = resolvedRun + "/stub-resolv.conf"
	writeFile(t, stub, "nameserver 127.0.0.53\n")
	return stub
}

// A link to systemd-resolved's file is neither replaced nor written through,
// however it leads there.
func TestResolver_LinkToResolvedStays(t *testing.T) {
	stub := resolvedThere(t)
	d := newDesk(t)
	dir := filepath.Dir(d.path)
	up := strings.Repeat("../", strings.Count(dir, "/"))
	must(t, os.Symlink("/run", filepath.Join(dir, "var-run")))
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o755))
	must(t, os.Symlink("a/b", filepath.Join(dir, "c"))) // c/.. is a, not here
	must(t, os.Symlink(stub, filepath.Join(dir, "a/stub")))
	for _, link := range []string{stub, up + stub[1:], "var-run/systemd/resolve/stub-resolv.conf", "c/../stub", resolvedRun + "/missing"} {
		t.Run(link, func(t *testing.T) {
			must(t, os.Remove(d.path))
			must(t, os.Symlink(link, d.path))
			r := d.client(t, "eth0", 1)
			if err := r.Apply(t.Context(), newLease(t, dnsA), nil); !errors.Is(err, errStub) {
				t.Errorf("Apply: %v", err)
			}
			if _, err := os.Stat(d.stateDir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something is noted: %v", err)
			}
			apply(t, r, "", dnsA)
			if got, err := os.Readlink(d.path); err != nil || got != link {
				t.Errorf("link %q, %v", got, err)
			}
			if got := readFile(t, stub); got != "nameserver 127.0.0.53\n" {
				t.Errorf("the stub was written:\n%s", got)
			}
		})
	}
	if _, err := os.Stat(resolvedRun + "/missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of systemd-resolved's was made: %v", err)
	}
}

// The administrator puts the link back while two links have leases: the end of
// one does not write the other's.
func TestResolver_LinkToResolvedComesBack(t *testing.T) {
	d := newDesk(t)
	apply(t, d.client(t, "eth0", 1), dnsA)
	apply(t, d.client(t, "eth1", 2), dnsB)
	stub := resolvedThere(t)
	must(t, os.Remove(d.path))
	must(t, os.Symlink(stub, d.path))
	apply(t, d.client(t, "eth0", 1), "", dnsA)
	if !strings.Contains(d.log.String(), "level=WARN") || !strings.Contains(d.log.String(), errStub.Error()) {
		t.Errorf("log: %s", d.log)
	}
	apply(t, d.client(t, "eth1", 2), "", dnsB)
	if got, err := os.Readlink(d.path); err != nil || got != stub {
		t.Errorf("link %q, %v", got, err)
	}
	if got := readFile(t, stub); got != "nameserver 127.0.0.53\n" {
		t.Errorf("the stub was written:\n%s", got)
	}
}

// resolvectl fails while the host comes up, for want of a bus: the link stays,
// and so systemd-resolved has the name servers as soon as it takes them. A file
// that an earlier process put there, before the host was started, goes then.
func TestResolver_ResolvedHasNoBusYet(t *testing.T) {
	d := newDesk(t)
	must(t, os.Remove(d.path))
	link := resolvedRun + "/stub-resolv.conf"
	must(t, os.Symlink(link, d.path))
	file := func(r *Resolver) *fileBackend {
		return &fileBackend{path: d.path, stateDir: d.stateDir, link: "lo", metric: 1, log: r.log}
	}
	auto := func() *Resolver {
		r, err := NewResolver(ResolverConfig{Interface: "lo", Logger: d.log.logger(slog.LevelWarn)})
		must(t, err)
		r.methods = []backend{resolved{link: "lo"}, file(r)}
		return r
	}
	nettest.Require(t)
	apply(t, auto(), dnsA) // systemd-resolved is not there
	if !strings.HasPrefix(readFile(t, d.path), header) {
		t.Fatalf("file:\n%s", readFile(t, d.path))
	}
	d.boot(t)
	resolvedThere(t)
	works := filepath.Join(t.TempDir(), "works")
	programs(t, map[string]string{"resolvectl": "[ -e " + works + " ] || { echo no bus >&2; exit 1; }"})
	r := auto()
	writeFile(t, works, "")
	apply(t, r, dnsA, dnsA)
	if got, err := os.Readlink(d.path); err != nil || got != link {
		t.Errorf("link %q, %v", got, err)
	}
	must(t, os.Remove(works))
	r = auto()
	err := r.Apply(t.Context(), newLease(t, dnsB), nil)
	if err == nil || !strings.Contains(err.Error(), "no bus") || !errors.Is(err, errStub) {
		t.Errorf("no method works: %v", err)
	}
	if got, err := os.Readlink(d.path); err != nil || got != link {
		t.Errorf("after one failure: link %q, %v", got, err)
	}
	writeFile(t, works, "")
	apply(t, r, dnsB)
}
