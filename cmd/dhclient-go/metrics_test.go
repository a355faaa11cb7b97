package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/metrics"
)

// What processes count is in their files, from inside the sandbox too, and all of
// it in what the command prints.
func TestMetrics_OfProcesses(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	dir := filepath.Join(s.dir, "collector")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "dhcp.prom")
	a := s.start(t, "eth0", "--no-dns", "--acd", "off", "-vv", "--metrics-file", file)
	b := s.start(t, "eth1", "--no-dns", "--acd", "off")
	a.stdout.wait(t, line0)
	b.stdout.wait(t, "eth1: 192.0.1.5/24 from 192.0.1.1")

	text := func() string { b, _ := os.ReadFile(file); return string(b) }
	waitFor(t, "the lease in the file", func() bool {
		return strings.Contains(text(), `dhclient_go_lease_held{interface="eth0",netns=""} 1`)
	})
	matches(t, text(), `^dhclient_go_leases\{process="eth0",netns=""\} 1$`,
		`^dhclient_go_messages_sent_total\{process="eth0",netns="",type="REQUEST"\} 1$`,
		`^dhclient_go_time_to_address_seconds_count\{process="eth0",netns=""\} 1$`,
		`^dhclient_go_lease_expiry_timestamp_seconds\{interface="eth0",netns=""\} [0-9.]+$`)
	if strings.Contains(text(), "eth1") {
		t.Errorf("another process's link is in the file:\n%s", text())
	}
	if offered() {
		matches(t, a.stderr.String(), `landlock`)
	}
	if st, err := os.Stat(file); err != nil || st.Mode() != 0o644 {
		t.Errorf("%v, %v", st, err)
	}

	out, _ := s.ask(t, exitDone, "metrics")
	matches(t, out, `^dhclient_go_links\{process="eth0",netns="",state="BOUND"\} 1$`, `^dhclient_go_links\{process="eth1",netns="",state="BOUND"\} 1$`,
		`^dhclient_go_build_info\{process="eth1",netns="",version="[^"]+",goversion="go1\.[^"]+"\} 1$`,
		`^dhclient_go_arp_sent_total\{process="eth0",netns="",type="announcement"\} [12]$`,
		`^dhclient_go_lease_held\{interface="eth0",netns=""\} 1\ndhclient_go_lease_held\{interface="eth1",netns=""\} 1$`)

	s.ask(t, exitDone, "release", "eth0")
	waitFor(t, "the end of the lease in the file", func() bool {
		return strings.Contains(text(), `dhclient_go_lease_held{interface="eth0",netns=""} 0`)
	})
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.exit(t, exitDone)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	out, _ = s.ask(t, exitDone, "metrics")
	if strings.Contains(out, "eth0") || !strings.Contains(out, "eth1") {
		t.Errorf("with one process:\n%s", out)
	}
	s.ask(t, exitDone, "stop")
	_, errs := s.ask(t, exitRuntime, "metrics")
	matches(t, errs, `^dhclient-go: no client runs in this network namespace `)
	_, errs = s.ask(t, exitUsage, "metrics", "eth0")
	matches(t, errs, `^dhclient-go: metrics are of all links: it takes no argument$`)
}

// What was counted of a link that is gone stays in the sum of an agent; its own
// series are gone with it.
func TestMetrics_OfAnAgent(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	dir := filepath.Join(s.dir, "collector")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "agent.prom")
	conf := filepath.Join(s.dir, "agent.toml")
	text := fmt.Sprintf("[agent]\nmetrics-file = %q\nmatch = 'eth*'\n[defaults]\nno-dns = true\nacd = 'off'\nlease-dir = %q\n", file, s.dir+"/leases")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := s.exec(t, "dhclient-go", "agent", "--config", conf)
	var got string
	shows := func(patterns ...string) {
		t.Helper()
		waitFor(t, strings.Join(patterns, " and "), func() bool {
			b, _ := os.ReadFile(file)
			got = string(b)
			return !slices.ContainsFunc(patterns, func(p string) bool { return !strings.Contains(got, p) })
		})
	}
	shows(`dhclient_go_links{process="agent",netns="",state="BOUND"} 2`, `dhclient_go_leases_bound_total{process="agent",netns=""} 2`,
		`dhclient_go_lease_held{interface="eth1",netns=""} 1`, `dhclient_go_client_restarts_total{process="agent",netns=""} 0`)
	s.IP(t, "link", "del", "eth1")
	shows(`dhclient_go_links{process="agent",netns="",state="BOUND"} 1`, `dhclient_go_leases_bound_total{process="agent",netns=""} 2`,
		`dhclient_go_messages_sent_total{process="agent",netns="",type="REQUEST"} 2`)
	out, _ := s.ask(t, exitDone, "metrics")
	for _, text := range []string{out, got} {
		if strings.Contains(text, `"eth1"`) || !strings.Contains(text, `dhclient_go_lease_held{interface="eth0",netns=""} 1`) {
			t.Errorf("the link that is gone is still there, or the other is not:\n%s", text)
		}
	}
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.exit(t, exitDone)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// What cannot be kept is said before anything is sent.
func TestMetrics_NoPlaceForThem(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	for _, c := range [][]string{
		{filepath.Join(s.dir, "none", "x.prom"), "1", `the folder for metrics: stat .*: no such file or directory$`},
		{filepath.Join(s.dir, "x.txt"), "64", `^dhclient-go: --metrics-file: ".*/x.txt" does not end with .prom, and node_exporter reads nothing else$`},
	} {
		p := s.start(t, "eth0", "--no-dns", "--metrics-file", c[0])
		<-p.ended
		matches(t, p.stderr.String(), c[2])
	}
	if n := total(server); n > 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// A link that has ended counts on.
func TestMeter_WhatIsGoneCounts(t *testing.T) {
	var m meter
	a, b := &fakeLink{Bound: 2, Sent: map[string]uint64{"DISCOVER": 5}}, &fakeLink{Bound: 1}
	for i, step := range []func(){
		func() { m.join(a); m.join(b) }, func() { m.retire(a) }, func() { m.retire(a) }, func() { a.Bound = 9 }, func() { m.retire(b) }, m.change,
	} {
		step()
		if got := m.totals(); got.Bound != 3 || got.Sent["DISCOVER"] != 5 {
			t.Errorf("after step %d: %+v", i, got)
		}
	}
	b = &fakeLink{Bound: 1}
	m.join(b)
	b.Bound = 2
	if got := m.totals(); got.Bound != 5 || len(m.live) != 1 {
		t.Errorf("with one more: %+v", got)
	}
}

type fakeLink metrics.Totals

func (l *fakeLink) totals() *metrics.Totals { return (*metrics.Totals)(l) }
