package arpcheck

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A panic in what a goroutine of all links does is the end of one link. The
// Detector holds no lock then, and says nothing any more.
func TestOnPanic(t *testing.T) {
	for _, row := range []struct {
		where string
		run   func(t *testing.T, d *Detector, l *fakeLink)
	}{
		{"callback", func(t *testing.T, d *Detector, _ *fakeLink) {
			d.Probe(ours, func(net.HardwareAddr, error) { panic("here") })
		}},
		{"timer", func(t *testing.T, d *Detector, l *fakeLink) {
			l.sendIt = func(try int) error {
				if try == 2 {
					panic("here")
				}
				return nil
			}
			d.Probe(ours, func(net.HardwareAddr, error) { t.Error("a probe that has ended is answered") })
		}},
		{"reader", func(t *testing.T, d *Detector, l *fakeLink) {
			d.Defend(ours, func(net.HardwareAddr) { t.Error("a defence that has ended is lost") })
			l.locked(func() {
				l.unread = [][]byte{announcedBy(other, ours), announcedBy(other, ours)}
				l.panics = true
			})
			d.ready()
			d.ready()
			l.locked(func() {
				if l.panics = false; len(l.unread) != 0 {
					t.Error("what has come is left to be read without end")
				}
			})
		}},
	} {
		t.Run(row.where, func(t *testing.T) {
			var told []any
			cfg := Config{OnPanic: func(value any, stack []byte) {
				if !strings.Contains(string(stack), "panic_test.go") && !strings.Contains(string(stack), "fake_test.go") {
					t.Errorf("the stack does not say where:\n%s", stack)
				}
				told = append(told, value)
			}}
			virtual(t, cfg, func(t *testing.T, d *Detector, l *fakeLink) {
				row.run(t, d, l)
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(told) != 1 || told[0] != "here" {
					t.Errorf("told %v", told)
				}
				l.locked(func() {
					if d.job != nil || l.hears != (wanted{}) {
						t.Error("it goes on")
					}
				})
				var err error
				d.Probe(ours, func(_ net.HardwareAddr, e error) { err = e })
				synctest.Wait()
				if err == nil {
					t.Error("a Detector that has panicked probes")
				}
			})
		})
	}
}

// Without OnPanic a panic goes its way.
func TestOnPanic_Nil(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		d.Defend(ours, func(net.HardwareAddr) {})
		l.locked(func() { l.unread, l.panics = [][]byte{announcedBy(other, ours)}, true })
		defer func() {
			if v := recover(); v != "here" {
				t.Errorf("recovered %v", v)
			}
			l.locked(func() { l.panics = false })
		}()
		d.ready()
	})
}
