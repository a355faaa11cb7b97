// Package rawudp carries DHCP messages over Linux sockets, for a link that has
// an address and for one that has none.
//
// Two sockets do it, which Open opens, and keeps until Close:
//
//   - A packet socket receives everything, and sends what is broadcast. It sees
//     replies to an address that the link does not have yet, and broadcasts from
//     0.0.0.0 although the link may have others (RFC 2131 4.1). A BPF program
//     lets pass what can be a reply to us and nothing else; while nothing is
//     awaited, nothing at all.
//   - A UDP socket on the client's port, 68, sends what is unicast, so that
//     routing and ARP are the kernel's and the source is the leased address. It
//     receives nothing, but holds the port open: a server's unicast reply meets
//     no ICMP port unreachable. The links of a network namespace share a few: of
//     a thousand each hears every broadcast, 210 µs of the kernel's time where it
//     is 5 µs with eight.
//
// The packet socket is of type SOCK_DGRAM: the kernel writes and removes the
// link's header. So the source address of a frame is always the link's current
// one, the offsets of the filter are the same on every link, and the tag of a
// priority-tagged frame is not in the way.
//
// Where that port cannot be had, unicasts leave through the packet socket too: to
// the station that the kernel's route and neighbour table name, or to all
// stations if they name none.
package rawudp
