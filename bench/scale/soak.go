package scale

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"time"
)

// Soaking says how an agent is soaked.
type Soaking struct {
	Bin   string
	For   time.Duration
	Links int
	// Say is told what happens.
	Say io.Writer
}

const (
	// soakLease is the shortest that dnsmasq gives, and soakT1 when it is
	// renewed.
	soakLease, soakT1 = 2 * time.Minute, 15 * time.Second
	// soakQuiet is how long nothing happens before it is looked what there is.
	soakQuiet = 6 * time.Second
	// soakGrace is how long a link may be without an address after it appeared
	// or had carrier again.
	soakGrace = 30 * time.Second
	// soakShare of the time is a warm-up, until memory has settled.
	soakShare = 0.3
)

// A soak is a lab with an agent, and what has become of its links.
type soaked struct {
	*lab
	o      Soaking
	client *running
	watch  *watch
	links  []soakLink
	events int
	lost   []string
}

// A soakLink is the place of a link, which comes and goes.
type soakLink struct {
	index   uint32
	there   bool
	carrier bool
	since   time.Time // both are true
	until   time.Time // of what befell it; zero for nothing
}

// Soak has an agent serve links that come, go and flap, with short leases, and
// fails if it loses an address, or has more of anything in the end than when it
// was warm.
func Soak(o Soaking) (err error) {
	l, err := newLab(o.Links)
	if err != nil {
		return err
	}
	defer l.close()
	bin, err := filepath.Abs(o.Bin)
	if err != nil {
		return err
	}
	if err := l.serve(pool{lease: fmt.Sprint(int(soakLease.Seconds())), extra: []string{
		fmt.Sprintf("--dhcp-option-force=58,%d", int(soakT1.Seconds())), "--dhcp-option-force=59,90"}}); err != nil {
		return err
	}
	s := &soaked{lab: l, o: o, links: make([]soakLink, o.Links)}
	if s.watch, err = newWatch(); err != nil {
		return err
	}
	defer s.watch.close()
	for i := range s.links {
		if err := s.found(i); err != nil {
			return err
		}
	}
	if s.client, err = l.start(agent(bin, l.dir)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, s.client.out)
		}
		err = errors.Join(err, s.client.stop())
	}()
	return s.run()
}

// run is the warm-up, the rest, and the comparison.
func (s *soaked) run() error {
	warmUp := time.Duration(soakShare * float64(s.o.For))
	if err := s.churn(warmUp); err != nil {
		return err
	}
	before, err := s.rest()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.o.Say, "warm after %v: %d KiB anonymous, %d descriptors, %d processes\n", warmUp, before.anon, before.files, before.processes)
	if err := s.churn(s.o.For - warmUp); err != nil {
		return err
	}
	after, err := s.rest()
	if err != nil {
		return err
	}
	goroutines, err := s.goroutines()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.o.Say, "after %v: %d KiB anonymous, %d descriptors, %d processes, %d goroutines; %d links were\nflapped or made anew\n",
		s.o.For, after.anon, after.files, after.processes, goroutines, s.events)
	return errors.Join(s.judge(before, after, goroutines))
}

// judge compares.
func (s *soaked) judge(before, after cost, goroutines int) error {
	var all []error
	for _, l := range s.lost {
		all = append(all, errors.New(l))
	}
	// A heap is as large as the garbage that waits in it, which varies.
	if most := before.anon + before.anon/5 + 1024; after.anon > most {
		all = append(all, fmt.Errorf("memory has grown from %d to %d KiB", before.anon, after.anon))
	}
	if after.files != before.files || after.processes != before.processes {
		all = append(all, fmt.Errorf("%d descriptors and %d processes, where there were %d and %d", after.files, after.processes, before.files, before.processes))
	}
	if goroutines > 50 {
		all = append(all, fmt.Errorf("%d goroutines wait for %d links", goroutines, s.o.Links))
	}
	return errors.Join(all...)
}

// churn has things happen to links for a while.
func (s *soaked) churn(limit time.Duration) error {
	told := time.Now()
	for end := told.Add(limit); time.Now().Before(end); {
		if err := s.befall(rand.IntN(len(s.links))); err != nil {
			return err
		}
		if err := s.watchFor(200 * time.Millisecond); err != nil {
			return err
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			c, err := look()
			if err != nil {
				return err
			}
			fmt.Fprintf(s.o.Say, "%d KiB anonymous, %d descriptors, %d events, %d lost\n", c.anon, c.files, s.events, len(s.lost))
		}
	}
	return nil
}

// rest waits until everything is as it was in the beginning and quiet, and looks.
func (s *soaked) rest() (cost, error) {
	for deadline := time.Now().Add(time.Minute); ; {
		bound := 0
		for i := range s.links {
			if s.links[i].until.IsZero() && s.watch.has[s.links[i].index] > 0 {
				bound++
			}
		}
		if bound == len(s.links) {
			break
		}
		if time.Now().After(deadline) {
			return cost{}, fmt.Errorf("%d of %d links have an address a minute after nothing happened any more", bound, len(s.links))
		}
		if err := s.watchFor(200 * time.Millisecond); err != nil {
			return cost{}, err
		}
	}
	if err := s.watchFor(soakQuiet); err != nil {
		return cost{}, err
	}
	return look()
}

// befall flaps a link, or takes it away for a while.
func (s *soaked) befall(i int) error {
	l := &s.links[i]
	if !l.until.IsZero() {
		return nil
	}
	s.events++
	l.until = time.Now().Add(50*time.Millisecond + rand.N(3*time.Second))
	if s.events%2 == 0 {
		l.carrier = false
		return s.ports([]int{i}, "down")
	}
	l.there = false
	return batch(clientNS, fmt.Sprintf("link del e%d\n", i+1))
}

// watchFor hears what the kernel says for a while, gives links back whose time has
// come, and looks for addresses that are missing.
func (s *soaked) watchFor(limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if _, err := s.watch.until(len(s.links)+1, min(limit, 200*time.Millisecond)); err != nil {
			return err
		}
		now := time.Now()
		for i := range s.links {
			l := &s.links[i]
			if !l.until.IsZero() && now.After(l.until) {
				if err := s.giveBack(i); err != nil {
					return err
				}
			}
			if l.there && l.carrier && now.Sub(l.since) > soakGrace && s.watch.has[l.index] == 0 {
				s.lost = append(s.lost, fmt.Sprintf("e%d has had no address for %v", i+1, now.Sub(l.since).Round(time.Second)))
				l.since = now // it is said once in a while
			}
		}
		s.addressesTaken()
	}
	return nil
}

// addressesTaken notes links whose address was taken off while they were there: it
// stays when carrier is lost, and no lease ends here.
func (s *soaked) addressesTaken() {
	for _, index := range s.watch.gone {
		for i := range s.links {
			if s.links[i].there && s.links[i].index == index {
				s.lost = append(s.lost, fmt.Sprintf("e%d has lost its address", i+1))
			}
		}
	}
	s.watch.gone = nil
}

// giveBack ends what befell a link.
func (s *soaked) giveBack(i int) error {
	l := &s.links[i]
	l.until = time.Time{}
	if !l.there {
		if err := s.makeLink(i); err != nil {
			return err
		}
		return s.found(i)
	}
	l.carrier, l.since = true, time.Now()
	return s.ports([]int{i}, "up")
}

// found notes the index of a link that is there.
func (s *soaked) found(i int) error {
	var index int
	err := inNamespace(clientNS, func() (err error) {
		index, err = interfaceIndex(fmt.Sprintf("e%d", i+1))
		return err
	})
	s.links[i] = soakLink{index: uint32(index), there: true, carrier: true, since: time.Now()}
	return err
}

// goroutines ends the agent, which says what it had: SIGQUIT has the Go runtime
// print the stack of each.
func (s *soaked) goroutines() (int, error) {
	pids, err := processes()
	if err != nil {
		return 0, err
	}
	s.client.out.keep(1 << 20)
	for _, pid := range pids {
		if pid == s.client.cmd.Process.Pid {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		}
	}
	s.client.wait(10 * time.Second)
	n := bytes.Count([]byte(s.client.out.String()), []byte("\ngoroutine "))
	if n == 0 {
		return 0, errors.New("the agent has not said what goroutines it has")
	}
	s.client.out.keep(0) // the stacks say nothing of what was lost
	return n, nil
}
