package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// A start is a way to begin as the first process of a container.
type start struct {
	name string
	// program is where it is, argv what it is told: heldAddress is replaced.
	program string
	argv    []string
	// warm keeps the lease folder from start to start.
	warm bool
	// floor is the place in the list of what this one is held against.
	floor int
}

// heldAddress is the argument in whose place the address stands that the server
// has for the link.
const heldAddress = "ADDRESS"

// containerStarts are what is compared, for each build of dhclient-go.
func containerStarts(bin string, builds []string) []start {
	floor := filepath.Join(bin, "floor")
	list := []start{
		{name: "floor (C)", program: floor, argv: []string{"eth0"}, floor: 0},
		{name: "floor (C), INIT-REBOOT", program: floor, argv: []string{"-r", heldAddress, "eth0"}, floor: 1},
	}
	off, on := []string{"--acd=off", "--lease-dir=/lease", "eth0"}, []string{"--lease-dir=/lease", "eth0"}
	for _, b := range builds {
		name := filepath.Base(b)
		list = append(list,
			start{name: name + " --acd=off", program: b, argv: off},
			start{name: name + " init --acd=off", program: b, argv: []string{"init", "--acd=off", "--lease-dir=/lease", "eth0", "--", "/stamp"}},
			start{name: name, program: b, argv: on},
			start{name: name + " --acd=off, INIT-REBOOT", program: b, argv: off, warm: true, floor: 1},
			start{name: name + ", INIT-REBOOT", program: b, argv: on, warm: true, floor: 1})
	}
	return list
}

// containerRuns is how often each start is measured.
const containerRuns = 30

// container compares builds of dhclient-go, or has the one of bin.
func container(bin string, runs int, builds []string) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	if len(builds) == 0 {
		builds = []string{filepath.Join(bin, "dhclient-go")}
	}
	lab, err := newLab()
	if err != nil {
		return err
	}
	defer lab.close()
	return containerTimes(lab, containerStarts(bin, builds), runs)
}

// containerTimes runs each start in turn, as the first process of a container
// that runc makes, and prints how long each takes from its exec to the address.
func containerTimes(l *lab, list []start, runs int) error {
	if _, err := exec.LookPath("runc"); err != nil {
		return fmt.Errorf("the container case: %w", err)
	}
	b, err := newBundle(l, list)
	if err != nil {
		return err
	}
	defer b.close()
	times := make([][]time.Duration, len(list))
	for i := range runs + 1 {
		for place, s := range list {
			d, err := b.start(place, &s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if i > 0 { // the first is a warm-up, and stores a lease
				times[place] = append(times[place], d)
			}
		}
	}
	for _, t := range times {
		slices.Sort(t)
	}
	fmt.Fprintf(out, "\nExec of the first process of a container (runc) to the address on its link,\n%d runs in turn, ms\n\n", runs)
	fmt.Fprintf(out, "%-36s%6s%7s%7s%7s  %s\n", "", "1/4", "median", "3/4", "max", "to the floor")
	for place, s := range list {
		t, base := times[place], median(times[s.floor])
		fmt.Fprintf(out, "%-36s%6.1f%7.1f%7.1f%7.1f  x %.2f %+.1f\n", s.name, ms(t[len(t)/4]), ms(median(t)),
			ms(t[len(t)*3/4]), ms(t[len(t)-1]), float64(median(t))/float64(base), ms(median(t)-base))
	}
	return nil
}
