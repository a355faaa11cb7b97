package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// LogSocket is where the system log listens.
	LogSocket = "/dev/log"
	// facilityDaemon is LOG_DAEMON of syslog(3), shifted as in a priority.
	facilityDaemon = 3 << 3
	// logLimit is how long a line may wait for a log that does not read.
	logLimit = 200 * time.Millisecond
	// maxLogLine is what a log must take (RFC 3164 4.1).
	maxLogLine = 1024
)

// A Syslog writes lines to the system log (RFC 3164), facility daemon. It holds
// no descriptor: a log that starts later, or anew, gets what comes then. Where
// there is none, lines are lost.
type Syslog struct {
	path, tag string
	now       func() time.Time // replaced in tests
}

// NewSyslog returns a Syslog on the socket at path, as LogSocket, whose lines
// begin with tag and the number of the process: "dhclient-go[123]: ...".
func NewSyslog(path, tag string) *Syslog {
	return &Syslog{path: path, tag: fmt.Sprintf("%s[%d]", cut(tag, 64), os.Getpid()), now: time.Now}
}

// Write writes one line that is news, without its newline.
func (s *Syslog) Write(line []byte) (int, error) {
	return len(line), s.Log(slog.LevelInfo, string(line))
}

// Log writes one line of that level. It may wait for a fifth of a second, and
// fails where no log takes the line. Some logs take connections, where a NUL
// ends a line.
func (s *Syslog) Log(level slog.Level, line string) error {
	line = oneLine(strings.TrimSuffix(line, "\n"))
	text := cut(fmt.Sprintf("<%d>%s %s: %s", facilityDaemon|severity(level), s.now().Format(time.Stamp), s.tag, line), maxLogLine)
	err := sendDatagram(s.path, logLimit, text)
	if errors.Is(err, unix.EPROTOTYPE) {
		err = sendStream(s.path, text+"\x00")
	}
	if err != nil {
		return fmt.Errorf("system log: %w", err)
	}
	return nil
}

// severity is the level as syslog(3) counts.
func severity(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	}
	return 7
}
