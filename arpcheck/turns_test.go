package arpcheck

import (
	"testing"
	"time"
)

// What can wait comes 16 at once, then 100 in a second; a pause makes room anew.
func TestTurns(t *testing.T) {
	var turns Turns
	now := time.Hour
	for i := range 100 {
		want := max(0, time.Duration(i+1-turnsAtOnce)*turnsApart)
		if got := turns.wait(now); got != want {
			t.Fatalf("number %d waits %v, not %v", i+1, got, want)
		}
	}
	now += 100 * turnsApart
	for i := range turnsAtOnce {
		if got := turns.wait(now); got != 0 {
			t.Fatalf("number %d after a pause waits %v", i+1, got)
		}
	}
	if turns.wait(now) == 0 {
		t.Error("as many more wait for nothing")
	}
	if wait := (*Turns)(nil).wait(now); wait != 0 {
		t.Errorf("without turns one waits %v", wait)
	}
}

// In a process with many links the first announcement of an address waits for
// nothing, nor does a question to a station or a defence; the second announcement and
// a question to all wait, and come in the end.
func TestTurns_WhatWaits(t *testing.T) {
	turns := &Turns{}
	virtual(t, Config{Turns: turns}, func(t *testing.T, d *Detector, l *fakeLink) {
		crowd := func() {
			for turns.wait(d.clock()) < time.Second {
			}
		}
		got := collect()
		crowd()
		d.Defend(ours, got.lost)
		if at := l.times(); len(at) != 1 || at[0] != 0 {
			t.Fatalf("the first announcement at %v", at)
		}
		time.Sleep(announceInterval - 1)
		crowd()
		time.Sleep(time.Second)
		if n := len(l.frames()); n != 1 {
			t.Fatalf("%d announcements in a crowd", n)
		}
		time.Sleep(time.Second)
		if at := l.times(); len(at) != 2 || !in(at[1], 3000, 3200) {
			t.Fatalf("announcements at %v", at)
		}
		crowd()
		d.CheckRouter(ours, gateway, third.addr(), got.lost)
		if n := len(l.frames()); n != 3 {
			t.Fatalf("%d frames after a question to a station", n)
		}
		d.CheckRouter(ours, gateway, nil, got.lost)
		time.Sleep(900 * time.Millisecond)
		if n := len(l.frames()); n != 3 {
			t.Fatalf("%d frames after a question to all", n)
		}
		if want := (wanted{claim: ours, router: gateway}); l.hearing() != want {
			t.Errorf("hears %+v", l.hearing())
		}
		time.Sleep(time.Second)
		if n := len(l.frames()); n != 3+routerTries {
			t.Errorf("%d frames in the end", n)
		}
		got.none(t)
	})
}
