package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
)

const (
	lossShare = 0.3
	// lossLabs are at work side by side: most of a run is waiting.
	lossLabs  = 16
	lossLimit = 3 * time.Minute
	// lossGoal is what the median of fifty runs is to be under.
	lossGoal = 3 * time.Second
)

// loss measures the time to an address across a relay that loses frames, for
// each of the binaries, bin/dhclient-go if none is named. The clients have
// their default flags and no lease file.
func loss(bin string, runs int, binaries []string) error {
	if len(binaries) == 0 {
		binaries = []string{filepath.Join(bin, "dhclient-go")}
	}
	for i, b := range binaries {
		var err error
		if binaries[i], err = filepath.Abs(b); err != nil {
			return err
		}
	}
	seed := uint64(time.Now().UnixNano())
	fmt.Fprintf(out, "Exec to address on the link, %d %% of the frames lost each way, %d runs, dnsmasq, no stored lease, seed %d\n\n",
		int(lossShare*100), runs, seed)
	times, err := lossTimes(binaries, runs, seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-32s %9s %9s %9s %9s   %s\n", "", "median s", "p90", "max", "under 3 s", "medians of each 50")
	for i, b := range binaries {
		rows := fiftyMedians(times[i])
		slices.Sort(times[i])
		t := times[i]
		under, _ := slices.BinarySearch(t, lossGoal)
		fmt.Fprintf(out, "%-32s %9.2f %9.2f %9.2f %7.0f %%   %.2f\n", filepath.Base(b), median(t).Seconds(), t[len(t)*9/10].Seconds(),
			t[len(t)-1].Seconds(), 100*float64(under)/float64(len(t)), rows)
	}
	return nil
}

// fiftyMedians are the medians, in seconds, of each fifty runs.
func fiftyMedians(times []time.Duration) (all []float64) {
	for t := range slices.Chunk(times, 50) {
		if len(t) == 50 {
			t = slices.Sorted(slices.Values(t))
			all = append(all, median(t).Seconds())
		}
	}
	return all
}

// lossTimes has the labs take runs until there are enough of each binary. One
// that has no address within lossLimit counts as that.
func lossTimes(binaries []string, runs int, seed uint64) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(binaries))
	for i := range times {
		times[i] = make([]time.Duration, runs)
	}
	todo := make(chan int)
	failed := make(chan error, lossLabs)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for n := range lossLabs {
		wait.Go(func() {
			failed <- lossWorker(n, seed, todo, stop, func(l *lab, run int) error {
				which := run % len(binaries)
				d, err := l.toAddress([]string{binaries[which], "-q", "--lease-dir", l.dir + "/leases", "eth0"}, lossLimit)
				if errors.Is(err, errNoAddress) {
					d, err = lossLimit, nil
				}
				times[which][run/len(binaries)] = d
				return err
			})
		})
	}
	var err error
	for run := 0; run < runs*len(binaries) && err == nil; run++ {
		select {
		case todo <- run:
		case err = <-failed:
		}
	}
	close(stop)
	wait.Wait()
	close(failed)
	for e := range failed {
		err = cmp.Or(err, e)
	}
	return times, err
}

// lossWorker does runs in a lab of its own until stop is closed.
func lossWorker(n int, seed uint64, todo <-chan int, stop <-chan struct{}, do func(*lab, int) error) error {
	l, err := newLossLab(fmt.Sprintf("loss%d", n), seed+uint64(n))
	if err != nil {
		return err
	}
	defer l.close()
	for {
		select {
		case run := <-todo:
			if err := do(l, run); err != nil {
				return err
			}
		case <-stop:
			return nil
		}
	}
}

// newLossLab makes a lab with a relay in the cable.
func newLossLab(name string, seed uint64) (*lab, error) {
	l, err := emptyLab(name)
	if err != nil {
		return nil, err
	}
	l.wiresNS = name + "-wires"
	for _, args := range [][]string{
		{"netns", "add", l.wiresNS},
		{"-n", l.clientNS, "link", "add", "eth0", "type", "veth", "peer", "name", "a", "netns", l.wiresNS},
		{"-n", l.serverNS, "link", "add", "eth0", "type", "veth", "peer", "name", "b", "netns", l.wiresNS},
		{"-n", l.wiresNS, "link", "set", "dev", "a", "up"}, {"-n", l.wiresNS, "link", "set", "dev", "b", "up"},
	} {
		if err := ip(args...); err != nil {
			return nil, err
		}
	}
	if l.relay, err = relayIn(l.wiresNS, seed); err != nil {
		return nil, err
	}
	l.relay.SetBoth(relay.Faults{Loss: lossShare})
	return l, l.begin()
}

// relayIn starts a relay between a and b of a namespace.
func relayIn(name string, seed uint64) (r *relay.Relay, err error) {
	err = inNamespace(name, func() (err error) {
		r, err = relay.New("a", "b", seed)
		return err
	})
	return r, err
}
