package main

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const (
	// calmLimit is how long the client may take to have a lease, all in place,
	// on a network that is well: the 10 s after a DECLINE or a removal by hand,
	// or up to T1 of a lease whose routes were deleted, and an exchange.
	calmLimit = 25 * time.Second
	// slowLimit is what --retransmit=rfc2131 adds, where a REQUEST was lost with
	// its server and is repeated after up to 33 s.
	slowLimit = 35 * time.Second
	// probeLimit is what --acd=rfc5227 adds.
	probeLimit = 7 * time.Second
	// patience is how long a back-off may be that is waited for: a person would
	// hurry the client sooner, and so would a run.
	patience = 30 * time.Second
	// maxGap is the longest time between two DISCOVERs.
	maxGap = 71 * time.Second
)

// calmStep makes the network well and waits for the lease: by itself, or hurried
// by a person.
func calmStep(p plan) planned {
	hurried := p.chance(30)
	return planned{name: fmt.Sprintf("calm, hurried %v", hurried), do: func(l *lab) string { return l.calm(hurried) }}
}

// settle ends every fault.
func (l *lab) settle() {
	l.expose(weather{})
	l.evict()
	l.heal()
	if l.gone {
		l.plug(false)
		l.rewire(false)
	}
	l.plug(true)
	if len(l.running()) == 0 {
		l.home[0].start()
	}
	if !l.alive() {
		l.start([]string{"--acd=200ms", "--on-exit=keep"})
	}
}

// calm wants a lease within what the client's schedule allows.
func (l *lab) calm(hurried bool) string {
	l.settle()
	began := time.Now()
	limit := calmLimit
	if l.client.has("rfc2131") {
		limit += slowLimit
	}
	if l.client.has("rfc5227") {
		limit += probeLimit
	}
	log := l.client.log.String()
	wait := max(l.judge.gap(began), waiting(log, began))
	if hurried = hurried || wait > patience || unacknowledged(log); !hurried {
		limit += wait
	}
	return l.leased(limit, hurried)
}

// leased wants a lease in place within limit. A person who is in a hurry asks
// for it now and then.
func (l *lab) leased(limit time.Duration, hurried bool) string {
	began, missing := time.Now(), "everything"
	for next := began; time.Since(began) < limit; l.rest(lookEvery) {
		if l.ctx.Err() != nil || len(l.judge.violations()) != 0 {
			return "cut short"
		}
		if hurried && !time.Now().Before(next) {
			l.signal(syscall.SIGUSR1)
			next = time.Now().Add(3 * time.Second)
		}
		addr, why := l.judge.held(l.look(l.cli))
		if why == "" {
			return fmt.Sprintf("%v after %v of %v", addr, time.Since(began).Round(10*time.Millisecond), limit.Round(time.Second))
		}
		missing = why
	}
	if l.judge.shunning(began) {
		return "none: the server offers only what was declined"
	}
	l.judge.report(time.Now(), "no lease in %v on a network that is well (hurried %v): %s", limit.Round(time.Second), hurried, missing)
	return "no lease"
}

// gap is how long the client may be silent yet, if it is looking for a server:
// twice as long as the last time, and a tenth.
func (j *judge) gap(now time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	sent := j.rights.discovers
	if len(sent) == 0 {
		return 0
	}
	last, gap := sent[len(sent)-1], 5*time.Second
	if len(sent) > 1 {
		gap = last.Sub(sent[len(sent)-2])
	}
	return max(0, min(gap*22/10+2*time.Second, maxGap)-now.Sub(last))
}

// unacknowledged says that a server has made an offer since the last lease, and
// no more: of the next time on, the client waits for 30 s and longer, and does
// not say so.
func unacknowledged(log string) bool {
	return strings.LastIndex(log, "does not acknowledge") > strings.LastIndex(log, ": bound (")
}

// waitWord is a line of the client's log that says how long it waits.
var waitWord = regexp.MustCompile(`(?m)^(\d\d:\d\d:\d\d\.\d{3}) .*[(, ]wait ([^,)\s]+)[,)]`)

// waiting is how long the client still means to wait, by its own word: the
// back-off after NAK and DECLINE is up to 300 s.
func waiting(log string, now time.Time) (left time.Duration) {
	for _, f := range waitWord.FindAllStringSubmatch(log, -1) {
		at, err1 := time.ParseInLocation("2006-01-02 15:04:05.000", now.Format("2006-01-02 ")+f[1], now.Location())
		d, err2 := time.ParseDuration(f[2])
		if at.After(now) { // before midnight
			at = at.AddDate(0, 0, -1)
		}
		if err1 == nil && err2 == nil {
			left = max(left, at.Add(d).Sub(now))
		}
	}
	return left
}
