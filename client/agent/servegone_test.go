package agent

import (
	"errors"
	"testing"
	"testing/synctest"
)

// A link may go between the moment when Serve finds it and the one when it is asked
// for. The namespace that was opened for it is closed all the same: else a container's
// would stay for as long as the agent.
func TestServe_LinkGoesMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own(), nil)
		k := newKernel("a0")
		w.kernels["pod"] = k
		closed := 0
		s, err := w.a.use(&Namespace{Name: "pod", Close: func() { closed++ }})
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.find(t.Context(), "a0")
		if err != nil {
			t.Fatal(err)
		}
		k.remove(1)
		if err := w.a.ask(m, fakePlan{w, "cni"}); !errors.Is(err, ErrNoLink) {
			t.Errorf("asked for a link that is gone: %v", err)
		}
		w.a.leave(s)
		synctest.Wait()
		if !k.closed || closed != 1 {
			t.Errorf("the namespace is closed: %v, %d", k.closed, closed)
		}
		w.end()
	})
}
