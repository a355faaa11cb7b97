// Package oneproc, when imported, has the Go runtime use one processor.
//
// Each processor of the runtime has a heap cache of its own, of a span for each
// size of object: 300 KiB where a whole idle client takes 1400. A few packets
// an hour need one. Once the second processor's cache has been used, giving it
// up costs as much again; hence a package, since one that imports nothing but
// runtime is initialized before nearly all others.
package oneproc

import (
	"runtime"

	"github.com/dhclient-go/dhclient-go/internal/roomy"
)

func init() {
	roomy.Grow() // this is the goroutine of main
	runtime.GOMAXPROCS(1)
}
