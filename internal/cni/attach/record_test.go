package attach

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/cni"
)

const goodRecord = `{"version":1,"request":{"version":1,"command":"add","attachment":{"network":"lan","container":"c1","interface":"eth0"},
"netns":"/run/netns/x","limit":60000000000},"netns_id":{"dev":4,"ino":5},"boot":"b","link":"eth0","granted":"192.0.2.5","gateway":"192.0.2.1"}`

func TestRecord_Refuses(t *testing.T) {
	if r, err := parseRecord([]byte(goodRecord)); err != nil || r.Granted.String() != "192.0.2.5" || r.ID.Ino != 5 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, tt := range []struct{ old, new string }{
		{`{"version":1,"request"`, `{"version":2,"request"`},
		{`"add"`, `"del"`},
		{`"link":"eth0"`, `"link":"../x"`},
		{`"c1"`, `"../c1"`},
		{`"192.0.2.5"`, `"127.0.0.1"`},
		{`"192.0.2.5"`, `"fe80::1"`},
		{`"192.0.2.1"`, `"::"`},
		{`"/run/netns/x"`, `"x"`},
		{goodRecord, `[]`},
		{goodRecord, ``},
	} {
		text := strings.Replace(goodRecord, tt.old, tt.new, 1)
		if r, err := parseRecord([]byte(text)); err == nil {
			t.Errorf("%s for %s: %+v", tt.new, tt.old, r)
		}
	}
}

// A file under another's name, a link, and what is too long are not read.
func TestRecord_HostileFiles(t *testing.T) {
	dir := t.TempDir()
	f := fileFor(dir, key)
	if err := os.WriteFile(f.path(), []byte(goodRecord), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.load(); err != nil {
		t.Fatal(err)
	}
	other := fileFor(dir, cni.Attachment{Network: "lan", Container: "c2", Interface: "eth0"})
	if err := os.WriteFile(other.path(), []byte(goodRecord), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := other.load(); err == nil || !strings.Contains(err.Error(), "another attachment") {
		t.Errorf("under another's name: %v", err)
	}
	for name, put := range map[string]func(path string) error{
		"link": func(path string) error { return os.Symlink(f.path(), path) },
		"long": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat(" ", maxRecord+1)), 0o600) },
	} {
		_ = os.Remove(other.path())
		if err := put(other.path()); err != nil {
			t.Fatal(err)
		}
		if _, err := other.load(); err == nil {
			t.Errorf("a %s was read", name)
		}
	}
	if all, err := files(dir); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	if all, err := files(filepath.Join(dir, "nowhere")); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
}

// What is cut off an identifier does not make two the same.
func TestClientID(t *testing.T) {
	long := cni.Attachment{Network: strings.Repeat("n", 255), Container: strings.Repeat("c", 64), Interface: "eth0"}
	other := long
	other.Interface = "eth1"
	a, b := clientID(long, &cni.Options{}), clientID(other, &cni.Options{})
	if len(a) != 255 || string(a) == string(b) {
		t.Errorf("%d octets, %q and %q", len(a), a, b)
	}
	if got := clientID(key, &cni.Options{NoClientID: true}); got == nil || len(got) != 0 {
		t.Errorf("none: %q", got)
	}
	if got := clientID(key, &cni.Options{HardwareClientID: true}); got != nil {
		t.Errorf("mac: %q", got)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(goodRecord))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		if r.Request.Attachment.Check() != nil || strings.ContainsAny(r.Link, "/\x00") {
			t.Fatalf("%+v", r)
		}
	})
}
