package daemon

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A line has priority, time, tag and process (RFC 3164 4.1), and is one line of
// bounded length whatever is in it.
func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := NewSyslog(path, "dhclient-go")
	s.now = func() time.Time { return time.Date(2026, 3, 7, 8, 9, 10, 0, time.UTC) }
	if s.Log(slog.LevelInfo, "too early") == nil {
		t.Error("a line went to a log that is not there")
	}
	c := listen(t, path)
	head := fmt.Sprintf("Mar  7 08:09:10 dhclient-go[%d]: ", os.Getpid())
	for _, tt := range []struct {
		level      slog.Level
		line, want string
	}{
		{slog.LevelError, "broken\n", "<27>" + head + "broken"},
		{slog.LevelWarn, "odd", "<28>" + head + "odd"},
		{slog.LevelInfo, "a\n<0>b\x1b[2J\x00", "<30>" + head + "a?<0>b?[2J?"},
		{slog.LevelDebug, "", "<31>" + head},
	} {
		if err := s.Log(tt.level, tt.line); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, c); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	if n, err := s.Write([]byte(strings.Repeat("ä", 70_000))); n != 140_000 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if got := receive(t, c); len(got) > maxLogLine || len(got) < maxLogLine-4 || strings.ContainsRune(got, '�') {
		t.Errorf("%d octets: %q", len(got), got)
	}
}

// Some logs take connections.
func TestSyslog_Stream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := NewSyslog(path, "x").Log(slog.LevelInfo, "hello"); err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 1000)
	n, err := c.Read(b)
	if err != nil || !strings.HasSuffix(string(b[:n]), fmt.Sprintf("x[%d]: hello\x00", os.Getpid())) {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// A log that does not read costs a line and a moment.
func TestSyslog_Stuck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listen(t, path)
	s := NewSyslog(path, "x")
	for range 100_000 {
		if s.Log(slog.LevelInfo, "x") != nil {
			return
		}
	}
	t.Error("the queue has no end")
}
