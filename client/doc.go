/*
Package client is a DHCPv4 client for Linux (RFC 2131): it gets an address for a
link, keeps it as long as it can be kept, and gives it up when it must.

	c, err := client.New(client.Config{Interface: "eth0"})
	if err != nil {
		return err
	}
	go c.Run(ctx)
	l, err := c.Wait(ctx) // the lease

So far nothing is configured: that is library mode. Packages netcfg and arpcheck
have the parts that put the lease on the link and probe the address first; they
satisfy the interfaces of Config, and examples/init shows them together.

# States

Named as in RFC 2131 figure 5, with the states that the figure lacks: WAITING is
a back-off, CHECKING the conflict probe, APPLYING the time that the kernel takes.

	      INIT                    for want of a link, for a start delay, or
	        |                     because the lease was released
	        | no stored lease               | stored lease
	        v                               v
	    SELECTING <---- no answer ---- REBOOTING <---- carrier lost while
	        | OFFER   ^                     |          there is a lease
	        v         | 4 tries             |
	    REQUESTING ---+                     |
	        | ACK                           | ACK
	        v                               |
	    CHECKING <--------------------------+
	        | nobody else has the address
	        v
	    APPLYING
	        | the address is on the link
	        v
	+-----> BOUND
	|       | T1
	| ACK   v
	+-- RENEWING                  unicast to the server that gave the lease
	|       | T2
	| ACK   v
	+-- REBINDING                 broadcast to any server
	        | the lease ends
	        v
	    SELECTING

	NAK in REQUESTING, REBOOTING, RENEWING, REBINDING:
	    WAITING, 0, 2, 4 ... 300 s, then SELECTING
	conflict in CHECKING, or later after one defence in 10 s:
	    DECLINE, then WAITING, 10, 20 ... 300 s, then SELECTING
	the kernel refuses the address twice in APPLYING:
	    WAITING, 10, 20 ... 300 s, then SELECTING

Whatever the state, a lease that ends is taken off the link at once. When carrier
is lost the address stays, and REBOOTING verifies it when carrier returns: it goes
only on evidence against it, which is a NAK, a conflict, or a router that answers
from another station (RFC 4436). Silence is no evidence. After a suspend it is
as after a loss of carrier.

What it sends is bounded, whatever arrives: at most 8 messages in a second, 18 in
ten, 80 in a minute; package internal/fsm has the table, also for ARP.

# The path of a packet

	kernel filter -> internal/poll -> internal/rawudp -> internal/wire
	  -> the loop of Run -> internal/fsm -> netcfg -> kernel

The filter passes only replies to this link's hardware address, and nothing at all
while BOUND. The one goroutine of internal/poll reads for every link; rawudp checks
the IPv4 and UDP framing and wire the message, each once: what comes after them is
valid. wire.ParseAwaited gives an Offer, Ack or Nak; the loop hands it to fsm.Machine.Step,
which is the whole protocol and does no I/O; the loop does what it returns. What may
block, the lease file and netlink, is done by a worker.

What any of them rejects has a reason: Stats counts it, and at debug level it is a
line of the log, which costs nothing where nobody reads it.

Where to look: retransmission intervals in internal/fsm/exchange.go, which offer is
taken in internal/fsm/choose.go, options that the client acts on in
internal/wire/options.go and those that a lease carries for others in
lease/carried.go, routes in netcfg, flags in cmd/dhclient-go/flags.go.
*/
package client
