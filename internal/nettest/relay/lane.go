package relay

import "time"

// read puts what comes into the queue, until the link is closed after stop is.
func (l *lane) read(stop <-chan struct{}) {
	buf, oob := make([]byte, maxFrame), make([]byte, 128)
	for {
		p, err := l.from.receive(buf, oob)
		if err != nil {
			select {
			case <-stop:
			default:
				l.err = err
			}
			return
		}
		l.count(func(s *Stats) { s.Received++ })
		f := l.faults.Load()
		if f.FillChecksums {
			*p = p.Filled()
		}
		list := []Packet{*p}
		if f.Rewrite != nil {
			list = f.Rewrite(*p)
		}
		for _, p := range list {
			l.send(p, f)
		}
	}
}

// send puts a frame into the queue, as its luck is.
func (l *lane) send(p Packet, f *Faults) {
	luck, now := draw(l.rng), time.Now()
	if luck.loss < f.Loss {
		l.count(func(s *Stats) { s.Lost++ })
		return
	}
	leave, wait := l.queue.put, time.Duration(0)
	if luck.reorder < f.Reorder {
		l.count(func(s *Stats) { s.Reordered++ })
		leave, wait = l.queue.hold, HoldLimit
	}
	l.put(leave(p, now.Add(wait+f.late(luck.jitter))))
	if luck.duplicate < f.Duplicate {
		l.count(func(s *Stats) { s.Duplicated++ })
		l.put(leave(p, now.Add(wait+f.late(luck.copyJitter))))
	}
}

func (l *lane) put(ok bool) {
	if !ok {
		l.count(func(s *Stats) { s.Overflowed++ })
	}
}

// write sends what is due, until stop is closed.
func (l *lane) write(stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		default:
		}
		p, ok, next := l.queue.take(time.Now())
		if ok {
			err := l.to.transmit(p)
			l.count(func(s *Stats) {
				if err != nil {
					s.Refused++
				} else {
					s.Sent++
				}
			})
			continue
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case <-stop:
			return
		case <-l.queue.news:
		case <-timer.C:
		}
	}
}

func (l *lane) count(f func(*Stats)) {
	l.counts.Lock()
	defer l.counts.Unlock()
	f(&l.stats)
}
