package servers

import "sync"

// logLimit is more than any test needs, and less than a server that repeats
// itself may take.
const logLimit = 4 << 20

// logBuffer keeps the first part of what a process prints.
type logBuffer struct {
	mu  sync.Mutex
	buf []byte
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p[:min(len(p), logLimit-len(l.buf))]...)
	return len(p), nil
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf)
}
