package client

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A MachineID is what tells one installation from another, as machine-id(5) has
// it; the zero value is none.
type MachineID [16]byte

// ParseMachineID reads what /etc/machine-id holds: 32 hexadecimal digits, which
// are not all zero, and the end of the line. The error of a system that has not
// got its own yet says so.
func ParseMachineID(text string) (id MachineID, err error) {
	s := strings.TrimSuffix(text, "\n")
	if s == "" || s == "uninitialized" {
		return id, errors.New("there is no machine id yet (machine-id(5))")
	}
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("a machine id of %d characters, not %d (machine-id(5))", len(s), 2*len(id))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return MachineID{}, fmt.Errorf("a machine id is of hexadecimal digits (machine-id(5)): %w", err)
	}
	if id == (MachineID{}) {
		return id, errors.New("a machine id of zeros (machine-id(5))")
	}
	return id, nil
}

const (
	duidClientID  = 255   // RFC 4361 6.1: the type of a client id with a DUID
	duidEN        = 2     // RFC 8415 11.3: the number of an enterprise, and its own
	enterpriseOfS = 43793 // systemd's
)

// duidKey is what systemd-networkd hashes with, so that the machine id itself is
// not told to the network.
var duidKey = [2]uint64{0xee034afec28c1180, 0x091439366f0cd63e}

// clientID is the client id of RFC 4361 6.1 for the link with this address: 255,
// an IAID and a DUID-EN. Both are made as systemd-networkd makes them where udev
// has no name for the link: from the machine id, which does not change when a
// network card does, and from the link's address, which tells its links apart.
func (m MachineID) clientID(hw lease.HardwareAddr) []byte {
	link := siphash(duidKey, hw[:])
	id := []byte{duidClientID}
	id = binary.BigEndian.AppendUint32(id, uint32(link)^uint32(link>>32))
	id = binary.BigEndian.AppendUint16(id, duidEN)
	id = binary.BigEndian.AppendUint32(id, enterpriseOfS)
	return binary.LittleEndian.AppendUint64(id, siphash(duidKey, m[:]))
}

// siphash is SipHash-2-4 (Aumasson and Bernstein).
func siphash(key [2]uint64, msg []byte) uint64 {
	v := [4]uint64{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573}
	rounds := func(n int) {
		for range n {
			v[0] += v[1]
			v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
			v[0] = bits.RotateLeft64(v[0], 32)
			v[2] += v[3]
			v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
			v[0] += v[3]
			v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
			v[2] += v[1]
			v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
			v[2] = bits.RotateLeft64(v[2], 32)
		}
	}
	take := func(word uint64) {
		v[3] ^= word
		rounds(2)
		v[0] ^= word
	}
	last := uint64(len(msg)) << 56
	for ; len(msg) >= 8; msg = msg[8:] {
		take(binary.LittleEndian.Uint64(msg))
	}
	for i, b := range msg {
		last |= uint64(b) << (8 * i)
	}
	take(last)
	v[2] ^= 0xff
	rounds(4)
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}
