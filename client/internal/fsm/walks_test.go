package fsm

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// walks are ways to go by name, from which FuzzStep begins: the octet of its
// configuration, and moves as world.moves names them.
var walks = []struct {
	name   string
	config byte
	moves  string
}{
	{"bound, renewed, stopped", 0, "offer A > ack A > probed > applied > reached > tick > ack A > applied > tick > ack A > applied > stop"},
	{"silent server to the end", 0, "offer A > ack A > probed > applied > tick > tick > tick > tick > tick > tick > tick > tick > tick > tick > tick > tick"},
	{"NAK storm", 0, "offer A > nak > offer A > nak > tick > offer A > nak > tick > offer A > nak > tick > offer A > nak"},
	{"rogue NAKs, then an ACK", 0, "nak of the other server > offer A > nak of the other server > stale nak > ack A > probed > applied"},
	{"conflict on every address", 0, "offer A > ack A > probed, conflict > tick > offer B of the other server > ack B of the other server > probed, conflict > tick > offer A"},
	{"defence lost while renewing", 0, "offer A > ack A > probed > applied > tick > conflict > tick > offer B of the other server > ack B of the other server > probed > applied"},
	{"carrier flaps", 0, "offer A > linkdown > linkup > tick > offer A > ack A > linkdown > linkup > tick > ack A > probed > applied > linkdown > linkup > linkdown link=gone > linkup"},
	{"stored lease without a server", 0x20, "tick > tick > probed > tick > tick > tick > tick > reached > probed > applied > tick > tick"},
	{"another network after carrier", 0, "offer A > ack A > probed > applied > reached > linkdown > linkup > reached, other > tick > offer B of the other server"},
	{"leases of two seconds, no probe", 2, "offer A > ack A for two seconds > applied > tick > ack A for two seconds > applied > tick > tick > tick > offer A"},
	{"suspended past the end", 0, "offer A > ack A > probed > applied > tick after a suspend > ack at the deadline > offer A > ack A > tick after a suspend"},
	{"the kernel refuses the address", 0, "offer A > ack A > probed > applied, failed > applied, failed > tick > offer A > ack A > late applied > probed > applied"},
	{"taken off by hand, optimistic", 1, "offer A > ack A > applied > address gone > tick > offer A > ack A > probed, failed > applied > address gone > renew"},
	{"released and renewed", 8, "offer A > ack A > probed > applied > release > late probed A, conflict > renew > offer A > ack A > release > renew"},
	{"rapid commit, renewed, given up", 0x10, "rapid ack A > probed > applied > tick > ack A > applied > release > renew > stale rapid ack A > tick > tick > tick > rapid ack A > offer A"},
	{"IPv6-only, other networks", 0x90, "offer A, IPv6-only > linkdown > linkup > tick > rapid ack A, IPv6-only > tick > ack A > offer A > ack A, IPv6-only > probed > applied > linkdown > linkup > ack A, IPv6-only > renew"},
	{"forced to renew", 0x10, "rapid ack A with a nonce > probed > applied > forcerenew > tick > ack A > applied > stale forcerenew > forcerenew > tick > ack A with a nonce > applied > forcerenew > tick > nak"},
	{"hardware address changes", 0, "offer A > ack A > probed > applied > hwaddr b > offer A > hwaddr b > ack A > renew"},
}

// spell is a walk as FuzzStep reads it: the index of each move among those that
// there are then.
func spell(t testing.TB, name string, config byte, walk string) []byte {
	t.Helper()
	in := []byte{config}
	w, start := fuzzWorld(config)
	must(w.do(start))
	for next := range strings.SplitSeq(walk, " > ") {
		moves := w.moves()
		i := slices.IndexFunc(moves, func(mv move) bool { return mv.name == next })
		if i < 0 {
			t.Fatalf("%s: there is no move %q in %v", name, next, w.m.State())
		}
		in = append(in, byte(i))
		must(w.do(moves[i]))
	}
	return in
}

// fuzzWorld is where FuzzStep begins.
func fuzzWorld(config byte) (world, move) {
	w := newWorld(Config{
		HardwareAddr: station("a"),
		ACD:          ACD(config & 3 % 3), OnExit: OnExit(config >> 2 & 3 % 3),
		RapidCommit: config&0x10 != 0, V6Only: config&0x80 != 0,
	})
	start := Start{LinkUp: config&0x40 == 0}
	if config&0x20 != 0 {
		start.Lease = remembered(w.now, time.Minute)
	}
	return w, move{"start", w.now, start}
}
