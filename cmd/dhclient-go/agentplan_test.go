package main

import (
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// Two links may change their names while one of them is about to be opened: that one is
// not served in the place of the other, by the other's plan and with its lease.
func TestAgentPlan_NameOfAnother(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	o, err := parseAgent([]string{"--match", "eth*", "--no-dns", s.leaseDir()})
	if err != nil {
		t.Fatal(err)
	}
	a := &agency{fleet: &fleet{ctx: t.Context(), attend: func() {}, aides: ourselves{}, o: o, out: io.Discard, log: slog.New(slog.DiscardHandler)}}
	s.Do(t, func() {
		ns, err := netcfg.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ns.Close() }()
		all, err := ns.Candidates()
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		all[0].Index++ // that of the link that was called so
		opening := &agent.Opening{Link: agent.Link{Candidate: all[0]}, Namespace: ns, OnEvent: func(client.Event) {}}
		served, err := a.newPlan(&linkPlan{options: o}, nil).Open(opening)
		if err == nil {
			_ = served.Client.Close()
			served.Close()
			t.Error("another link is served")
		} else if !errors.Is(err, netcfg.ErrNoLink) {
			t.Error(err)
		}
	})
}
