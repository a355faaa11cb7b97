// Package packetsocket has packet sockets (packet(7)) for a process with thousands
// of them: a descriptor and a lock each, nothing else. Package poll waits for them.
//
// # Why they stay open
//
// A client that has its lease hears nothing for hours, and keeps its two sockets
// all the same, with filters that drop all:
//
//   - To open one again needs CAP_NET_RAW, which a client gives up, and a thread in
//     the link's network namespace, to which there may be no way any more.
//   - To close one, the kernel waits until no processor can still be delivering to
//     it (packet_release of net/packet/af_packet.c calls synchronize_net), and the
//     thread with it: 10 ms each, measured with ticks of 10 ms.
//   - A deaf one costs next to nothing. A packet that goes over a veth pair takes
//     the kernel 1.95 µs; with a deaf socket for IPv4 on the receiving end it takes
//     2.2 µs, and with ten 2.95 µs. A socket for ARP is not asked about IPv4.
//
// # Closing many
//
// The kernel serves all who wait for the same moment together: two thousand sockets
// take 20 s one after the other, and 0.1 to 0.5 s side by side in 64 threads. So
// that is how Close closes. A process that ends with them open is closed by the
// kernel, one after the other: 27 s for as many, in which it is there as a zombie.
package packetsocket
