package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// program is the path of the program under test, in the namespaces.
var program func() (string, error)

func TestMain(m *testing.M) {
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	nettest.Enter()
	path, err := install()
	program = sync.OnceValues(func() (string, error) { return path, err })
	os.Exit(m.Run())
}

// require skips where there are no namespaces or servers, and returns the path
// of the program.
func require(t *testing.T) string {
	t.Helper()
	nettest.Require(t)
	servers.Require(t, servers.Dnsmasq)
	servers.Require(t, servers.Kea)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A minute of chaos, with a seed of its own each time.
func TestMinute(t *testing.T) {
	t.Parallel()
	c := config{program: require(t), seed: rand.Uint64N(1e9), length: time.Minute, labs: 3, only: -1, verbose: t.Logf}
	t.Logf("seed %d", c.seed)
	for _, v := range c.run(context.Background()) {
		if v.failed() {
			t.Error(v.report(c))
		} else {
			t.Logf("lab %d: %d steps, %s", v.lab.number, len(v.lab.history), v.lab.judge.summary())
		}
	}
}
