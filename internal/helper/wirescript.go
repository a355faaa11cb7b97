package helper

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A wireScript is a hook.Config without what is a link's own.
type wireScript struct {
	Programs   [][]byte      `json:"programs"`
	Dialect    hook.Dialect  `json:"dialect,omitempty"`
	Configures bool          `json:"configures,omitempty"`
	Env        [][]byte      `json:"env,omitempty"`
	Limit      time.Duration `json:"limit,omitempty"`
	Attached   bool          `json:"attached,omitempty"`
	// Rows are the options that a configuration defines.
	Rows []option.Row `json:"rows,omitempty"`
}

func scriptOnWire(c *hook.Config, abs func(string) []byte) wireScript {
	w := wireScript{
		Dialect: c.Dialect, Configures: c.Configures, Env: octets(c.Env), Limit: c.Limit, Attached: c.Attached,
		Rows: c.Options.Defined(),
	}
	for _, p := range c.Programs {
		if byName(c.Dialect, p) {
			w.Programs = append(w.Programs, []byte(p))
			continue
		}
		w.Programs = append(w.Programs, abs(p))
	}
	return w
}

// byName says that a program is looked for in $PATH, as by udhcpc.
func byName(d hook.Dialect, program string) bool {
	return d == hook.Udhcpc && !strings.Contains(program, "/")
}

func (w *wireScript) check() error {
	if w.Dialect > hook.Udhcpc {
		return fmt.Errorf("there is no dialect %d", uint8(w.Dialect))
	}
	for _, p := range w.Programs {
		if !isPath(p) && !byName(w.Dialect, string(p)) {
			return fmt.Errorf("%q is not the path of a program", p)
		}
	}
	c, err := w.config()
	if err != nil {
		return err
	}
	c.Interface = "any"
	_, err = hook.New(c)
	return err
}

// config is the configuration that w was made of.
func (w *wireScript) config() (hook.Config, error) {
	c := hook.Config{
		Programs: texts(w.Programs), Dialect: w.Dialect, Configures: w.Configures, Env: texts(w.Env),
		Limit: w.Limit, Attached: w.Attached, Options: new(option.Table),
	}
	for _, r := range w.Rows {
		if err := c.Options.Define(r); err != nil {
			return hook.Config{}, err
		}
	}
	return c, nil
}

// sameScripts says that two configurations run the same in the same way.
func sameScripts(a, b *hook.Config) bool {
	return slices.Equal(a.Programs, b.Programs) && a.Dialect == b.Dialect && a.Configures == b.Configures &&
		slices.Equal(a.Env, b.Env) && a.Limit == b.Limit && a.Attached == b.Attached &&
		slices.Equal(a.Options.Defined(), b.Options.Defined())
}
