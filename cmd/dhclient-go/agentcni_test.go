package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/cni/attach"
	"github.com/dhclient-go/dhclient-go/internal/control"
)

func TestAgentFlags_CNI(t *testing.T) {
	for _, tt := range []struct{ arg, want string }{
		{"--cni", cni.DefaultSocket},
		{"--cni=/run//x/../y", "/run/y"},
		{"--cni=relative", ""},
	} {
		o, err := parseAgent([]string{tt.arg})
		if (err == nil) != (tt.want != "") || err == nil && o.agent.cni != tt.want {
			t.Errorf("%s: %v, want %q", tt.arg, err, tt.want)
		}
	}
	if _, err := parseAgent(nil); err == nil {
		t.Error("an agent that has nothing to do begins")
	}
}

// What the host's links have of their own no container gets: of all those whose server
// is silent each would have the same fallback, and be granted it.
func TestCNI_NothingOfTheHosts(t *testing.T) {
	for _, args := range [][]string{
		{"--match", "eth0", "--fallback", "192.0.2.7/24", "--request-ip", "192.0.2.8", "--takeover"},
		{"--link-local", "--fqdn", "host.example.net"},
	} {
		o, err := parseAgent(append([]string{"--cni"}, args...))
		if err != nil {
			t.Fatal(err)
		}
		a := &agency{fleet: &fleet{o: o, log: slog.New(slog.DiscardHandler)}}
		own, err := a.cniOptions(&agent.Link{}, attach.Fitting{})
		if err != nil {
			t.Fatal(err)
		}
		c := own.client
		if c.Fallback != nil || c.LinkLocal || c.Schedule.Timeout != 0 || c.RequestIP.IsValid() || c.Takeover || c.FQDN != "" {
			t.Errorf("%q: a container gets a fallback %v, 169.254/16 %v, asks for %v, takes over %v, is called %q",
				args, c.Fallback, c.LinkLocal, c.RequestIP, c.Takeover, c.FQDN)
		}
		if o.client.Fallback == nil && !o.client.LinkLocal {
			t.Errorf("%q: the host's own links have nothing", args)
		}
	}
}

// A second agent for the same containers ends, and has not touched what the first one
// keeps: what that is just writing means nothing yet.
func TestCNI_SecondAgent(t *testing.T) {
	s := newSite(t)
	socket := filepath.Join("/run", s.Name+"-cni.sock")
	args := []string{"dhclient-go", "agent", "--no-dns", s.leaseDir(), "--control-dir", s.control(), "--cni=" + socket}
	first := s.exec(t, args...)
	waitFor(t, "the socket", func() bool { return exists(socket) })
	dir := filepath.Join(s.dir, "leases", "cni")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(dir, "0123456789abcdef0123456789abcdef.attachment")
	if err := os.WriteFile(record, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := s.exec(t, args...)
	second.exit(t, exitRuntime)
	matches(t, second.stderr.String(), `another process listens on `+socket)
	if !exists(record) {
		t.Error("what the first agent keeps is gone")
	}
	first.signal(t, syscall.SIGTERM)
	first.exit(t, exitDone)
}

// Commands find a container's link by all that may name its namespace: what ip-netns(8)
// calls it, and what status does.
func TestCNI_CommandsFindIt(t *testing.T) {
	a := &agency{fleet: &fleet{home: 7}}
	for number, want := range map[uint64]bool{4026532001: true, 4026532002: false, 7: false} {
		r := &control.Request{Interface: "eth0", Netns: number}
		if a.isMeant(r, "eth0", "box:[4026532001]") != want {
			t.Errorf("%d is not to be %v", number, !want)
		}
	}
	if !a.isMeant(&control.Request{Netns: 7, Home: true}, "eth0", "box:[4026532001]") {
		t.Error("status of the host does not have it")
	}
	for text, want := range map[string]uint64{
		"box:[4026532001]": 4026532001, "box": 0, "box:[": 0, "box:[]": 0, "box:[-1]": 0, "box:[1": 0, "": 0, "box:[18446744073709551615]": 0,
	} {
		n, err := parseNetns(text)
		if numberIn(text) != want || want != 0 && err != nil {
			t.Errorf("%q: %d, %v", text, numberIn(text), err)
		}
		if want != 0 {
			if got, err := n.number(); err != nil || got != want {
				t.Errorf("--netns %s: %d, %v", text, got, err)
			}
		}
	}
}
