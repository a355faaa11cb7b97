package cni

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// good is a request that says all there is to be said.
const good = `{"version":1,"command":"add","attachment":{"network":"lan","container":"c1","interface":"eth0"},
"netns":"/run/netns/x","limit":60000000000,"options":{"client_id":"AGM=","hostname":"box","vendor_class":"v",
"send":{"77":"Yg=="},"request":[42,119],"request_only":true,"broadcast":true,"acd":"200ms","metric":7}}`

func TestDecode_Good(t *testing.T) {
	r, err := Decode([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if r.Attachment.String() != "lan/c1/eth0" || r.Options.Send[77][0] != 'b' || r.Options.Request[1] != 119 {
		t.Errorf("%+v", r)
	}
}

// What must not be is refused, with the code that a runtime gets.
func TestDecode_Refuses(t *testing.T) {
	long := strings.Repeat("a", 256)
	for _, tt := range []struct {
		old, new string
		code     Code
	}{
		{`"version":1`, `"version":2`, Undecodable},
		{`"add"`, `"make"`, Undecodable},
		{`"add"`, `7`, Undecodable},
		{`"lan"`, `"../lan"`, BadConfig},
		{`"lan"`, `""`, BadConfig},
		{`"lan"`, `"` + long + `"`, BadConfig},
		{`"c1"`, `"-c1"`, BadVariable},
		{`"c1"`, `"c\u00001"`, BadVariable},
		{`"eth0"`, `"a/b"`, BadVariable},
		{`"eth0"`, `".."`, BadVariable},
		{`"eth0"`, `"sixteen-octets-x"`, BadVariable},
		{`"eth0"`, `"a\u001bb"`, BadVariable},
		{`"/run/netns/x"`, `"run/netns/x"`, BadVariable},
		{`"/run/netns/x"`, `"/run/../x"`, BadVariable},
		{`"/run/netns/x"`, `"/run/netns/x\n"`, BadVariable},
		{`"/run/netns/x"`, `""`, BadVariable},
		{`60000000000`, `1`, BadConfig},
		{`60000000000`, `60000000000000`, BadConfig},
		{`"AGM="`, `"AA=="`, BadConfig},
		{`"broadcast":true`, `"no_client_id":true`, BadConfig},
		{`"box"`, `"not a name"`, BadConfig},
		{`"v"`, `"` + long + `"`, BadConfig},
		{`"77":"Yg=="`, `"53":"Yg=="`, BadConfig},
		{`"77":"Yg=="`, `"12":"Yg=="`, BadConfig},
		{`"77":"Yg=="`, `"60":"Yg=="`, BadConfig},
		{`"77":"Yg=="`, `"61":"Yg=="`, BadConfig},
		{`"77":"Yg=="`, `"77":""`, BadConfig},
		{`"77":"Yg=="`, `"256":"Yg=="`, Undecodable},
		{`[42,119]`, `[0]`, BadConfig},
		{`"200ms"`, `"11s"`, BadConfig},
		{`"200ms"`, `"slow"`, BadConfig},
		{`"metric":7`, `"metric":-1`, BadConfig},
	} {
		text := strings.Replace(good, tt.old, tt.new, 1)
		if text == good {
			t.Fatalf("there is no %s", tt.old)
		}
		_, err := Decode([]byte(text))
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != tt.code {
			t.Errorf("%s for %s: %v, want code %d", tt.new, tt.old, err, tt.code)
		}
	}
}

// What each command needs, and no more.
func TestDecode_Commands(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{`{"version":1,"command":"status","attachment":{"network":"lan"}}`, true},
		{`{"version":1,"command":"gc","attachment":{"network":"lan"},"valid":[{"container":"c","interface":"e"}]}`, true},
		{`{"version":1,"command":"gc","attachment":{"network":"lan"},"valid":[{"container":"c/","interface":"e"}]}`, false},
		{`{"version":1,"command":"del","attachment":{"network":"lan","container":"c","interface":"e"}}`, true},
		{`{"version":1,"command":"del","attachment":{"network":"lan","container":"c","interface":"e"},"netns":"x"}`, false},
		{`{"version":1,"command":"check","attachment":{"network":"lan","container":"c","interface":"e"}}`, false},
		{`[]`, false},
		{``, false},
	} {
		if _, err := Decode([]byte(tt.text)); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

// Whatever comes, a request that is taken is fine: it says the same when it is
// written and read again, and nothing in it could be a path.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"version":1,"command":"gc","attachment":{"network":"a"},"valid":[{"container":"c","interface":"e"}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := Decode(line)
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) {
				t.Fatalf("%v is no Error", err)
			}
			return
		}
		if strings.ContainsAny(r.Attachment.Network, "/\x00") {
			t.Fatalf("network %q", r.Attachment.Network)
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

// Only a network namespace is one.
func TestOpenNetns_Refuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		file:                    "mountPropagation",
		dir:                     "is not a network namespace",
		"/dev/null":             "is not a network namespace",
		"/proc/self/ns/mnt":     "not one of the network",
		"relative":              "is not an absolute path",
		filepath.Join(dir, "x"): "no such file",
	} {
		if ns, err := OpenNetns(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v: want %q", path, ns, err, want)
		}
	}
	ns, err := OpenNetns("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if own, err := OwnNetns(); err != nil || own != ns.ID() {
		t.Errorf("%v, %v, want %v", own, err, ns.ID())
	}
}
