package main

import (
	"log/slog"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/cni/attach"
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
