package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// TestMain makes this binary the command too, under its own name and those that
// it stands in for in $PATH: what it does there counts as covered, if GOCOVERDIR
// is set.
func TestMain(m *testing.M) {
	nettest.Enter()
	testscript.Main(m, map[string]func(){
		"dhclient-go": main, "go-late": main, "go-at-once": main, "go-logged": main,
		"dhclient": main, "udhcpc": main,
	})
}

// The command lines in testdata/script, and what is said about them.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true})
}
