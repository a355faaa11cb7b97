// Command chaos does random things to dhclient-go for some minutes, and looks
// whether it ever does what it must not.
//
//	go run ./internal/chaos [-seed N] [-for 5m] [-labs 4] [-lab I] [-v]
//
// In each lab the client is on a switch with dnsmasq and Kea, which grant leases
// of some seconds, beside the network of another dnsmasq. Steps drawn from the
// seed kill it, take its server or its cable, lose its frames, take its address,
// fill its disk; kinds has the list. All is in namespaces of its own, and ends
// with the command.
//
// A judge looks ten times a second at addresses, routes and both files, and sees
// every address and route that the kernel reports and every frame on the link.
// What it holds the client to is in rules.go and grants.go, and in calm.go that
// there is a lease in time when the network is well. A violation is printed with
// the seed, the steps so far, wire, link and log, and the exit code is 1.
//
// The same seed gives the same steps and pauses. What meets what is a matter of
// milliseconds, so a violation may take several runs to come again.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func main() {
	var c config
	flag.Uint64Var(&c.seed, "seed", 0, "draw the steps from `N` (0: a random one)")
	flag.DurationVar(&c.length, "for", 5*time.Minute, "run for that `time`")
	flag.IntVar(&c.labs, "labs", 4, "how many labs run side by side")
	flag.IntVar(&c.only, "lab", -1, "run only the lab of that number")
	verbose := flag.Bool("v", false, "print each step")
	flag.Parse()
	if flag.NArg() > 0 || c.labs < 1 || c.only >= c.labs {
		flag.Usage()
		os.Exit(64)
	}
	if err := build(); err != nil {
		fail(err)
	}
	nettest.Enter()
	program, err := install()
	if err != nil {
		fail(err)
	}
	c.program, c.verbose = program, func(string, ...any) {}
	if *verbose {
		c.verbose = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	}
	if c.seed == 0 {
		c.seed = rand.Uint64N(1e9)
	}
	os.Exit(c.main())
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "chaos:", err)
	os.Exit(1)
}

// main runs and prints; what it returns is the exit code.
func (c config) main() (code int) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	fmt.Printf("chaos: seed %d, %d labs, %v; nothing of this machine is touched\n", c.seed, c.labs, c.length)
	steps := 0
	for _, v := range c.run(ctx) {
		if v.failed() {
			code = 1
			fmt.Println(v.report(c))
		}
		if v.lab != nil {
			steps += len(v.lab.history)
			fmt.Printf("chaos: lab %d: %d steps, %s; at most %v\n", v.lab.number, len(v.lab.history), v.lab.judge.summary(), v.lab.peak)
		}
	}
	how := "no violation"
	switch {
	case code != 0:
		how = "FAILED"
	case ctx.Err() != nil:
		how = "interrupted; no violation so far"
	}
	fmt.Printf("chaos: seed %d: %d steps: %s\n", c.seed, steps, how)
	return code
}
