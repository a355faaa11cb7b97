package client

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// What fails beside the lease, as on a disk that is full, is tried again: alone,
// less and less often, with one warning, until it is done.
func TestRedo_WhatFailedBesideTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var log bytes.Buffer
		r.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		var times []time.Duration
		full := errors.New("the disk is full")
		broken, fine := full, 0
		r.saveErr = full
		r.cfg.AfterApply = []Configurator{
			configuratorFunc(func(*lease.Lease) error { fine++; return nil }),
			configuratorFunc(func(l *lease.Lease) error {
				if l == nil || l.Address != offered {
					t.Errorf("tried with %+v", l)
				}
				times = append(times, time.Since(r.start).Round(time.Second))
				return broken
			}),
		}
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.pass(20 * time.Minute)
		r.mu.Lock()
		broken, r.saveErr = nil, nil
		r.mu.Unlock()
		r.pass(6 * time.Minute)
		want := []time.Duration{0, 10, 30, 70, 150, 310, 610, 910, 1210}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(times, want) || fine != 1 {
			t.Errorf("tried at %v, want %v; what was fine %d times", times, want, fine)
		}
		if r.stored == nil || r.stored.Address != offered {
			t.Errorf("stored in the end: %+v", r.stored)
		}
		if n := strings.Count(log.String(), "the disk is full"); n != 2 || !strings.Contains(log.String(), "is done") {
			t.Errorf("%d warnings in\n%s", n, &log)
		}
		r.stop()
	})
}

// A newer lease makes an old failure pointless, and a client that stops tries
// nothing more.
func TestRedo_EndsWithNewerLeaseAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var got []*lease.Lease
		r.cfg.AfterApply = []Configurator{recorder{&got}}
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Release()
		r.pass(time.Hour)
		if slices.Contains(got[1:], got[0]) || len(got) < 3 {
			t.Errorf("tried %d times, also with the lease that was given back", len(got))
		}
		r.stop()
		before := len(got)
		r.pass(time.Hour)
		if len(got) != before {
			t.Error("tried after the client has stopped")
		}
	})
}

// A recorder notes each lease, and fails.
type recorder struct{ got *[]*lease.Lease }

func (f recorder) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	*f.got = append(*f.got, next)
	return errors.New("no")
}
