package client

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// resumed is what follows a suspend. Where the machine woke up nobody knows, so
// a lease that lasts is verified as after a loss of carrier, also one that was
// about to be used, whose probe slept as well, and put on the link
// again: the kernel did not count the sleep from its lifetime.
func (c *Client) resumed(slept time.Duration) {
	c.log.Info("the machine was suspended", "for", slept.Round(time.Second))
	c.step(fsm.Tick{}) // whatever was due meanwhile
	if s := c.machine.State(); c.link.Carrier && (c.machine.Lease() != nil || s == fsm.Checking || s == fsm.Applying) {
		c.step(fsm.LinkDown{})
		c.step(fsm.LinkUp{})
	}
}
