package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// TestMain makes this binary the command too, under its own name and those that
// it stands in for in $PATH: what it does there counts as covered, if GOCOVERDIR
// is set.
func TestMain(m *testing.M) {
	helper.Main()
	nettest.Enter()
	sideBySide()
	testscript.Main(m, map[string]func(){
		"dhclient-go": main, "go-late": main, "go-at-once": main, "go-logged": main, "go-heir": main,
		"dhclient": main, "udhcpc": main, "init": main, "counts-signals": countsSignals,
	})
}

// side is how many tests run at a time: they wait, most of them.
const side = "-test.parallel=12"

// sideBySide has so many tests run at a time, unless the command line says how
// many: there is one processor (package oneproc), and as many tests would be.
func sideBySide() {
	given := slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.parallel") })
	if !given && strings.HasSuffix(os.Args[0], ".test") {
		os.Args = slices.Insert(os.Args, 1, side)
	}
}

// The command lines in testdata/script, and what is said about them.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true})
}
