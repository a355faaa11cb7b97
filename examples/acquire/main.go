// Command acquire gets one lease and prints it as JSON. It configures nothing:
// no address, no route, no resolver, no file. This is library mode, which is
// what a client.Config has without a Configurator.
//
//	acquire eth0
//
// It needs CAP_NET_RAW, and a link that is up. The server goes on holding the
// lease until it ends: only a host that has the address can give it back
// (RFC 2131 4.4.6).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: acquire IF")
		os.Exit(64)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	l, err := acquire(ctx, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "acquire:", err)
		os.Exit(1)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(l) // a lease can always be encoded
}

// acquire runs a client until it has a lease, and then no longer.
func acquire(ctx context.Context, name string) (*lease.Lease, error) {
	c, err := client.New(client.Config{Interface: name})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	l, err := c.Wait(ctx)
	stop()
	<-ended // that it did not begin is what Wait has said
	return l, err
}
