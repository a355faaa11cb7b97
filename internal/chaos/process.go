package main

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

// killStep kills the client, and starts it again with other flags or the same.
func killStep(p plan) planned {
	dead, flags := p.between(0, 3*time.Second), p.flags()
	if p.chance(40) {
		dead = 0
	}
	return planned{name: fmt.Sprintf("kill -9, again after %v", dead.Round(time.Millisecond)), do: func(l *lab) string {
		l.kill()
		l.rest(dead)
		l.start(flags)
		return strings.Join(flags, " ")
	}}
}

// massacreStep kills the client several times, soon after each start: at any
// point of what it does then.
func massacreStep(p plan) planned {
	lives := make([]time.Duration, 3+p.IntN(5))
	for i := range lives {
		lives[i] = p.between(0, 400*time.Millisecond)
	}
	flags := p.flags()
	return planned{name: fmt.Sprintf("kill -9 soon after each of %d starts", len(lives)), do: func(l *lab) string {
		for _, d := range lives {
			l.kill()
			l.start(flags)
			l.rest(d)
		}
		return strings.Join(flags, " ")
	}}
}

// termStep ends the client properly, and starts it again.
func termStep(p plan) planned {
	gone, flags := p.between(0, 3*time.Second), p.flags()
	if p.chance(40) {
		gone = 0
	}
	leased := p.chance(60)
	return planned{name: fmt.Sprintf("SIGTERM, again after %v", gone.Round(time.Millisecond)), do: func(l *lab) string {
		if leased {
			l.await()
		}
		how := l.term()
		l.rest(gone)
		l.start(flags)
		return how + ", " + strings.Join(flags, " ")
	}}
}

func renewStep(p plan) planned {
	times := 1
	if p.chance(20) {
		times = 20
	}
	return planned{name: fmt.Sprintf("SIGUSR1, %d times", times), do: func(l *lab) string {
		for range times {
			l.signal(syscall.SIGUSR1)
		}
		return ""
	}}
}

// releaseStep gives the lease back, and asks for another later.
func releaseStep(p plan) planned {
	idle := p.between(0, 2500*time.Millisecond)
	return planned{name: fmt.Sprintf("SIGUSR2, SIGUSR1 after %v", idle.Round(time.Millisecond)), do: func(l *lab) string {
		l.signal(syscall.SIGUSR2)
		l.rest(idle)
		l.signal(syscall.SIGUSR1)
		return ""
	}}
}
