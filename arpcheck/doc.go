// Package arpcheck finds out whether another station of an Ethernet link uses
// an IPv4 address, defends one that is ours, and tells which station a router
// is: IPv4 Address Conflict Detection (RFC 5227) and the reachability test of
// Detecting Network Attachment (RFC 4436 2.1).
//
// One packet socket for ARP serves a link. It is opened by [Open] and needs
// CAP_NET_RAW then and never again; while nothing is asked its filter drops
// everything, and while something is asked it lets pass only what can be an
// answer, so that the ARP of other stations costs nothing. There is no
// goroutine that waits: package internal/poll reads.
//
// # What is a conflict
//
// RFC 5227 leaves room, and stations of the field fill it:
//
//   - An ARP packet, request or reply, whose sender IP address is ours is a
//     conflict, whatever the Ethernet header says (2.1.1, 2.4). Stations behind
//     repeaters, clusters and virtual routers have an Ethernet source that is
//     not their ARP sender hardware address, and really have the address. Only
//     a sender that is no station, all zeros or all ones, is ignored.
//   - A foreign probe for the address that is being probed is a conflict only
//     if it is a probe as 1.1 defines one: broadcast, and sent by the interface
//     whose hardware address it carries. Switches that track devices ask for
//     their clients' addresses from 0.0.0.0, by unicast, or with an Ethernet
//     source of their own; who asks the station that has an address whether it
//     still does, does not want it.
//   - What carries the hardware address of this link as sender is never one: it
//     is an echo, or a proxy that answers on our behalf. Nor is what carries
//     that of another link of this network namespace that has IPv4 addresses
//     (2.1.1 "any of the host's interfaces"): the kernel sends requests for
//     any of its addresses over any of its links.
//
// A probe for an address that is being defended needs no answer from here: the
// address is on the link, and the kernel answers.
package arpcheck
