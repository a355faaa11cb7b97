package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A contender is a client, and how it is told to get one lease.
type contender struct {
	name string
	argv []string
	// base is the contender whose median the ratio is to.
	base bool
}

// out is where tables go.
var out io.Writer = os.Stdout

func main() {
	bin := flag.String("bin", "bin", "where dhclient-go, uroot-dhclient and skeleton are")
	runs := flag.Int("n", 0, "runs of each client (20; 100 with loss)")
	write := flag.String("write", "", "put the tables into this document too, where its marks are")
	flag.Parse()
	nettest.Enter()
	r := &report{name: "bench", file: *write}
	if word := flag.Arg(0); word != "" {
		r.name += "-" + word
	}
	out = r.output()
	var err error
	switch flag.Arg(0) {
	case "":
		err = run(*bin, cmp.Or(*runs, 20))
	case "container":
		err = container(*bin, cmp.Or(*runs, containerRuns), flag.Args()[1:])
	case "scale":
		err = many(*bin, flag.Args()[1:])
	case "soak":
		err = soak(*bin, flag.Args()[1:])
	case "loss":
		err = loss(*bin, cmp.Or(*runs, 100), flag.Args()[1:])
	default:
		err = fmt.Errorf("unknown: %s", flag.Arg(0))
	}
	err = cmp.Or(err, r.write())
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(bin string, runs int) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	lab, err := newLab()
	if err != nil {
		return err
	}
	defer lab.close()
	if err := addressTimes(lab, contenders(bin, lab.dir), runs); err != nil {
		return err
	}
	if err := containerTimes(lab, containerStarts(bin, []string{filepath.Join(bin, "dhclient-go")}), containerRuns); err != nil {
		return err
	}
	return footprint(lab, bin)
}

// contenders are the clients that are there.
func contenders(bin, dir string) []contender {
	ours := filepath.Join(bin, "dhclient-go")
	list := []contender{
		{name: "dhclient-go --acd=off", argv: []string{ours, "-q", "-1", "--acd=off", "--lease-dir", dir + "/off", "eth0"}},
		{name: "dhclient-go", argv: []string{ours, "-q", "-1", "--lease-dir", dir + "/acd", "eth0"}},
		{name: "u-root dhclient", argv: []string{filepath.Join(bin, "uroot-dhclient"), "-ipv6=false", "eth0"}, base: true},
	}
	if path, err := exec.LookPath("udhcpc"); err == nil {
		list = append(list, contender{name: "udhcpc", argv: []string{path, "-f", "-n", "-q", "-i", "eth0"}})
	}
	if path, err := exec.LookPath("dhclient"); err == nil {
		list = append(list, contender{name: "ISC dhclient", argv: []string{path, "-4", "-1", "-d",
			"-lf", dir + "/isc.leases", "-pf", dir + "/isc.pid", "eth0"}})
	}
	return list
}

// addressTimes runs the contenders in turn, so that a slow moment of the
// machine meets all of them, and prints a table.
func addressTimes(l *lab, list []contender, runs int) error {
	times := make([][]time.Duration, len(list))
	for i := range runs + 1 {
		for j, c := range list {
			d, err := l.toAddress(c.argv, runLimit)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if i > 0 { // the first is a warm-up
				times[j] = append(times[j], d)
			}
		}
	}
	var base time.Duration
	for j, c := range list {
		slices.Sort(times[j])
		if c.base {
			base = median(times[j])
		}
	}
	fmt.Fprintf(out, "Exec to address on the link, %d runs in turn, veth, dnsmasq, no stored lease\n\n", runs)
	fmt.Fprintf(out, "%-24s %9s %9s %9s   %s\n", "", "min ms", "median", "max", "median to u-root's")
	for j, c := range list {
		t := times[j]
		m := median(t)
		fmt.Fprintf(out, "%-24s %9.1f %9.1f %9.1f   x %.2f  %+.1f ms\n", c.name, ms(t[0]), ms(m), ms(t[len(t)-1]),
			float64(m)/float64(base), ms(m-base))
	}
	return nil
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
