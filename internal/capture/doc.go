// Package capture writes the DHCP and ARP frames of links to a file, as they are
// sent and received, for programs that show such files: pcapng (IETF draft
// "PCAP Next Generation Capture File Format"), which names the link and the
// direction of each frame, and has several links in one file.
//
// It hears what a client does not: it has a packet socket for each link beside
// the client's own, with a filter for ARP and for the UDP ports of DHCP, also
// within a VLAN's tag. Of a datagram in fragments there is only the first: the
// others do not say what ports they are for, and a client drops them as well.
//
// A frame is written as soon as it has come, by a goroutine that otherwise
// sleeps. Whatever goes wrong with the file ends the capture with one line in
// the log; the client does not notice.
package capture
