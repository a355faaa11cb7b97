package fsm

import (
	"testing"
	"time"
)

// TestOld_REN_27: Bound says what lease came before, as it was last renewed.
func TestOld_REN_27(t *testing.T) {
	w := newWorld(Config{HardwareAddr: station("a"), ACD: NoProbe})
	must(w.do(move{"start", w.now, Start{LinkUp: true}}))
	w = wait(bind(w), 1)
	renewed := w.now
	must(w.do(move{"ack", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour)}}))
	must(w.do(move{"applied", w.now, Applied{Seq: w.m.seq}}))
	must(w.do(move{"linkdown", w.now.Add(time.Minute), LinkDown{}}))
	must(w.do(move{"linkup", w.now.Add(time.Minute), LinkUp{}}))
	must(w.do(move{"ack", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour)}}))
	for _, a := range w.m.Step(w.now, Applied{Seq: w.m.seq}) {
		if n, ok := a.(Notify); ok && n.Notice.Kind == Bound {
			if n.Notice.Old == nil || !n.Notice.Old.Start.Equal(renewed) {
				t.Errorf("Old is %+v, want the lease of %v", n.Notice.Old, renewed)
			}
			return
		}
	}
	t.Error("not bound")
}
