package main

import (
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/cni"
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
