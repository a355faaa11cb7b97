package helper

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Whatever is read is decoded to what can be sent again, or refused; a
// configuration that is taken has no path that is not absolute.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		`{"level":"INFO","wall":"2026-01-01T00:00:00Z","boot":5,"resolver":{"path":"L2V0Yy9yZXNvbHYuY29uZg=="},"hostname":{},"scripts":[{"programs":["L2Jpbi90cnVl"],"env":["QT1i"],"rows":[{"Code":245,"Name":"x","Udhcpc":"","Kind":0,"Fields":""}]}],"program":{"path":"L2Jpbi90cnVl","args":["dHJ1ZQ=="]}}`,
		`{"id":1,"op":"run","vars":["REhDUDRfQT0x"]}`, `{"id":1,"op":"signal","signal":15}`,
		`{"op":"open","link":1,"open":{"name":"ZXRoMA==","resolver":{"metric":1}}}`,
		`{"id":2,"op":"resolver","link":1,"limit":5000000000,"next":{"address":"10.9.0.5/24","start":"2026-01-01T00:00:00Z","lease_seconds":4294967295}}`,
		`{"id":1,"failed":{"text":"x","kinds":["decline"],"errno":2}}`, `{"log":{"level":"WARN","text":"x","attrs":["a","b"]}}`,
	} {
		f.Add(raw(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []any{&wireConfig{}, &request{}, &answer{}} {
			if read(bytes.NewReader(b), maxMessage, m) != nil {
				continue
			}
			if _, err := frame(m, maxConfig); err != nil {
				t.Errorf("%+v: %v", m, err)
			}
			switch m := m.(type) {
			case *wireConfig:
				checkConfig(t, m)
			case *request:
				if l, err := leaseOf(m.Next); err == nil && l != nil && !lease.UsableAddr(l.Address) {
					t.Errorf("a lease of %v", l.Address)
				}
			case *answer:
				if err := m.Failed.err(); err != nil && len(err.Error()) > maxText {
					t.Errorf("an error of %d octets", len(err.Error()))
				}
				if m.Log != nil {
					m.Log.replay((&journal{}).logger())
				}
			}
		}
	})
}

func checkConfig(t *testing.T, w *wireConfig) {
	if w.check() != nil {
		return
	}
	var paths [][]byte
	if w.Program != nil {
		paths = append(paths, w.Program.Path)
	}
	for _, s := range w.Scripts {
		for _, p := range s.Programs {
			if !byName(s.Dialect, string(p)) {
				paths = append(paths, p)
			}
		}
	}
	for _, p := range paths {
		if !filepath.IsAbs(string(p)) || bytes.IndexByte(p, 0) >= 0 {
			t.Errorf("path %q", p)
		}
	}
}

// A helper that has only a resolver takes any sequence of requests, and writes
// nothing but its file.
func FuzzRequests(f *testing.F) {
	const link = `{"op":"open","link":1,"open":{"name":"ZXRoMA==","resolver":{"metric":1}}}`
	f.Add([]byte(link + "\n" + `{"id":2,"op":"resolver","link":1,"next":{"address":"10.9.0.5/24","start":"2026-01-01T00:00:00Z","lease_seconds":4294967295,"dns":["10.9.0.1"]}}` +
		"\n" + `{"op":"cancel","id":2}` + "\n" + `{"id":3,"op":"close","link":1}`))
	f.Add([]byte(`{"op":"run","id":1}` + "\n" + `{"op":"signal","id":1,"signal":9}` + "\n" + `{"op":"tell","link":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		sock, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(sock)
		s.cfg.Resolver = &wireResolver{Path: []byte(filepath.Join(dir, "conf")), StateDir: []byte(filepath.Join(dir, "state"))}
		for line := range bytes.Lines(b) {
			var r request
			if decode(line, &r) != nil || r.Op == opLeave || s.do(&r) != nil {
				break
			}
		}
		s.finish()
		_ = sock.Close()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "conf" && e.Name() != "state" {
				t.Errorf("it has made %s", e.Name())
			}
		}
	})
}

// A lease is the same on the other side.
func TestLease_ComesOverWhole(t *testing.T) {
	l := sample(t, 5)
	l.T1, l.T2 = l.Valid/3+1, l.Valid/3*2+1
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	got, err := leaseOf(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(got)
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("%s\nis %s, %v", text, again, err)
	}
}

// All that a lease may hold has room twice in a message.
func TestLease_TheLongestHasRoom(t *testing.T) {
	l := sample(t, 5)
	for code := uint8(100); code < 228; code++ {
		l.Options[code] = bytes.Repeat([]byte{code}, 512) // a datagram of 64 KiB
	}
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := frame(&request{Op: opScript, Next: text, Prev: text}, maxMessage); err != nil {
		t.Error(err)
	}
}
