package hook

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

const (
	// maxValue is the longest value of an option in an environment: the kernel
	// takes 128 KiB (execve(2)), and nothing that a script reads is so long.
	maxValue = 4096
	// maxLease is the most that the options of one lease take together. Two
	// leases and what else there is stay below what the kernel takes with a
	// stack of half a megabyte, a quarter of that.
	maxLease = 48 << 10
)

var (
	errTooLong = errors.New("it is too long for scripts")
	errTooMuch = errors.New("the options before it are all that a script is given")
)

// An environment is made for one run of a program.
type environment struct {
	script *Script
	list   []string
	// size is what the options of a lease have taken.
	size int
}

// environment begins with what every program has.
func (s *Script) environment(inherited ...string) *environment {
	return &environment{script: s, list: slices.Concat([]string{searchPath}, inherited, s.cfg.Env)}
}

// set sets a value that is ours, or an address or a number of a lease; not one
// that is empty.
func (e *environment) set(name, value string) {
	if value != "" {
		e.list = append(e.list, name+"="+value)
	}
}

// setOption sets what an option is for scripts, unless err says that it cannot
// be given to them, which is told once.
func (e *environment) setOption(name, value string, err error) {
	switch {
	case err != nil || value == "":
	case len(value) > maxValue:
		err = errTooLong
	case e.size+len(name)+len(value) > maxLease:
		err = errTooMuch
	}
	if err != nil {
		e.script.told.once(name, func() {
			e.script.cfg.Logger.Warn("a value is kept from the scripts", "if", e.script.cfg.Interface, "name", name, "err", err)
		})
		return
	}
	e.size += len(name) + len(value)
	e.set(name, value)
}

// setText sets a text of the network that has no option.
func (e *environment) setText(name, value string) {
	var err error
	if value != "" && !option.IsSafe(value) {
		err = fmt.Errorf("%.60q has characters that are not for scripts", value)
	}
	e.setOption(name, value, err)
}

// warned remembers of which variables it was told that they are left out.
type warned struct {
	mu    sync.Mutex
	names map[string]struct{}
}

// once calls f the first time for each name, of which there are no more than
// options.
func (w *warned) once(name string, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.names[name]; ok {
		return
	}
	if w.names == nil {
		w.names = map[string]struct{}{}
	}
	w.names[name] = struct{}{}
	f()
}
