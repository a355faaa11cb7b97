// Package relay is a bad network: it carries Ethernet frames between two links
// of a namespace, and loses, doubles, reorders, delays and rewrites them.
//
//	client --eth0====a-- relay --b====eth0-- server
//
//	wires := nettest.NewNS(t, "wires")
//	nettest.Veth(t, wires, "a", client, "eth0")
//	nettest.Veth(t, wires, "b", server, "eth0")
//	r := relay.Start(t, wires, "a", "b", 1)
//	r.SetBoth(relay.Faults{Loss: 0.3})
//
// What becomes of a frame is drawn from a source with a seed, one for each way:
// the nth frame of a way has the same luck in every run. A test that fails
// prints the seed.
//
// A kernel leaves checksums and the cutting of TCP streams to hardware, and a
// veth has none: frames have checksums that were not filled in, and are up to
// 64 KiB long. The relay hands that on as it is (PACKET_VNET_HDR), so that TCP
// crosses it and a receiver is told that the checksum does not count;
// Faults.FillChecksums, and a Packet made of octets only, do it otherwise.
package relay
