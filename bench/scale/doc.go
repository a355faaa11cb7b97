// Package scale measures what DHCP clients cost on many links at once: in one
// run, on one bridge, against one dnsmasq, beside a replay of the same messages
// with no client behind it (bench/floor/replay.c).
//
// A lab is two namespaces with a veth pair for each link: its one end, e1, e2 ...,
// is where the clients are, its other end a port of the bridge in the server's
// namespace. A broadcast of one link is flooded to all the others, as on a host
// of containers, so that the work grows with the square of their number whoever
// asks; the replay tells how much that is.
//
// Time is from the start of the first process to the last address on the links,
// as the kernel announces it. Memory is the anonymous part of smaps_rollup, of
// every process in the clients' namespace. Processor time is that of the control
// group that they and all their children are in: where a bridge and a server are
// on the same machine, what the kernel does for a frame is in it, and in that of
// the replay too. What the server hears is counted on the bridge.
package scale
