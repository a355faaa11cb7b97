package helper

import (
	"context"
	"errors"
	"syscall"

	"github.com/dhclient-go/dhclient-go/client"
)

// kinds are the errors that mean something to callers (errors.Is).
var kinds = map[string]error{
	"decline":  client.ErrDecline,
	"canceled": context.Canceled,
	"deadline": context.DeadlineExceeded,
}

// maxText is the longest text of an error.
const maxText = 4096

// A failure is an error on its way.
type failure struct {
	Text string `json:"text"`
	// Kinds are those of kinds that it is, and Errno the system's number; 0 for
	// none.
	Kinds []string `json:"kinds,omitempty"`
	Errno int      `json:"errno,omitempty"`
}

// failureOf is err for the other process; nil for none.
func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: cut(err.Error(), maxText)}
	for name, kind := range kinds {
		if errors.Is(err, kind) {
			f.Kinds = append(f.Kinds, name)
		}
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		f.Errno = int(errno)
	}
	return f
}

// err is the error that f was made of, as far as that matters.
func (f *failure) err() error {
	if f == nil {
		return nil
	}
	e := &remoteError{text: cut(f.Text, maxText)}
	for _, name := range f.Kinds {
		if kind := kinds[name]; kind != nil {
			e.is = append(e.is, kind)
		}
	}
	if f.Errno > 0 && f.Errno < maxErrno {
		e.is = append(e.is, syscall.Errno(f.Errno))
	}
	return e
}

// maxErrno bounds the system's numbers (MAX_ERRNO of the kernel).
const maxErrno = 4096

// A remoteError is an error that happened in the helper.
type remoteError struct {
	text string
	is   []error
}

// Error is the text that it had there.
func (e *remoteError) Error() string { return e.text }

// Unwrap returns what it is for errors.Is.
func (e *remoteError) Unwrap() []error { return e.is }

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
