package e2e_test

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A monitor is ip-monitor(8) on a station: what the kernel says of addresses
// and routes, in its order.
type monitor struct {
	*lines
	cmd *exec.Cmd
}

// watch records from now until the test ends.
func watch(t *testing.T, s *station) *monitor {
	t.Helper()
	m := &monitor{lines: newLines()}
	m.cmd = s.Command(context.Background(), "ip", "-4", "-o", "-ts", "monitor", "address", "route")
	m.cmd.Stdout = m.lines
	if err := m.cmd.Start(); err != nil {
		t.Fatalf("watch the addresses: %v", err)
	}
	t.Cleanup(func() {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
		if t.Failed() {
			t.Logf("addresses and routes of %s:\n%s", s.Name, m)
		}
	})
	m.listening(t, s)
	return m
}

// listening waits until the monitor is at work: it reports an address of lo
// that is there for that only.
func (m *monitor) listening(t *testing.T, s *station) {
	t.Helper()
	const sign = "198.51.100.1/32"
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		s.IP(t, "address", "add", sign, "dev", "lo")
		s.IP(t, "address", "delete", sign, "dev", "lo")
		if strings.Contains(m.String(), "Deleted") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("ip monitor reports nothing in %v", patience)
}

// A change is a line of the monitor.
type change struct {
	at      time.Time
	deleted bool
	text    string
}

var changeLine = regexp.MustCompile(`^\[([^]]*)\] (Deleted )?(.*)`)

// changes returns those of eth0.
func (m *monitor) changes() []change {
	all, _ := m.get()
	var list []change
	for _, line := range all {
		if c, ok := parseChange(line); ok {
			list = append(list, c)
		}
	}
	return list
}

func parseChange(line string) (change, bool) {
	f := changeLine.FindStringSubmatch(line)
	if f == nil || !strings.Contains(line, "eth0") {
		return change{}, false
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05.999999", f[1], time.Local)
	return change{at, f[2] != "", strings.Join(strings.Fields(f[3]), " ")}, err == nil
}

// after waits for a change since a time.
func (m *monitor) after(t *testing.T, what string, since time.Time, is func(change) bool) change {
	t.Helper()
	line := m.wait(t, what, func(line string) bool {
		c, ok := parseChange(line)
		return ok && !c.at.Before(since) && is(c)
	})
	c, _ := parseChange(line)
	return c
}

// deleted waits for the removal of what contains text.
func (m *monitor) deleted(t *testing.T, text string) change {
	t.Helper()
	return m.after(t, "the removal of "+text, time.Time{}, func(c change) bool { return c.deleted && strings.Contains(c.text, text) })
}

// steady fails the test if any address or route was removed.
func (m *monitor) steady(t *testing.T) {
	t.Helper()
	for _, c := range m.changes() {
		if c.deleted {
			t.Errorf("removed at %v: %s", c.at, c.text)
		}
	}
}

// never fails the test if text is in any change.
func (m *monitor) never(t *testing.T, text string) {
	t.Helper()
	for _, c := range m.changes() {
		if strings.Contains(c.text, text) {
			t.Errorf("at %v there was %s", c.at, c.text)
		}
	}
}
