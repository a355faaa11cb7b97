package hook

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

const (
	// maxValue is the longest value in an environment: the kernel takes 128 KiB
	// (execve(2)), and nothing that a script reads is so long.
	maxValue = 4096
	// maxEnv is the most that all values take together.
	maxEnv = 64 << 10
)

var errTooLong = errors.New("it is too long for scripts")

// An environment is made for one run of a program.
type environment struct {
	script *Script
	list   []string
	size   int
}

// environment begins with what every program has.
func (s *Script) environment(inherited ...string) *environment {
	return &environment{script: s, list: append(inherited, append([]string{searchPath}, s.cfg.Env...)...)}
}

// set sets a value that is ours, or was checked.
func (e *environment) set(name, value string) {
	if value == "" || e.size+len(name)+len(value) > maxEnv {
		return
	}
	e.size += len(name) + len(value)
	e.list = append(e.list, name+"="+value)
}

// setOption sets what an option is for scripts, unless err says that it cannot
// be given to them, which is told once.
func (e *environment) setOption(name, value string, err error) {
	if err == nil && len(value) > maxValue {
		err = errTooLong
	}
	if err != nil {
		e.script.told.once(name+err.Error(), func() {
			e.script.cfg.Logger.Warn("an option is kept from the scripts", "if", e.script.cfg.Interface, "err", err)
		})
		return
	}
	e.set(name, value)
}

// setText sets a text of the network that has no option.
func (e *environment) setText(name, value string) {
	if value == "" {
		return
	}
	if !option.IsSafe(value) {
		e.setOption(name, "", fmt.Errorf("%s %.60q has characters that are not for scripts", name, value))
		return
	}
	e.setOption(name, value, nil)
}

// warned remembers what was told.
type warned struct {
	mu   sync.Mutex
	what map[string]struct{}
}

// once calls f the first time for each text, of which it remembers some.
func (w *warned) once(text string, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.what[text]; ok || len(w.what) >= 64 {
		return
	}
	if w.what == nil {
		w.what = map[string]struct{}{}
	}
	w.what[strings.Clone(text)] = struct{}{}
	f()
}
