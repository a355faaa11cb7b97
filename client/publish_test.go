package client

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// manyErrors is an error that cannot be compared, as validators return them.
type manyErrors []string

func (e manyErrors) Error() string { return strings.Join(e, "; ") }

// The error of an embedder's Configurator may be of any type.
func TestApplyFails_UncomparableError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.applyErr = manyErrors{"no", "never"}
		c := r.run()
		r.pass(time.Second)
		if _, err := c.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "no; never") {
			t.Errorf("Wait: %v", err)
		}
		r.stop()
	})
}
