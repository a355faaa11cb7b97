// Package hmacmd5 is HMAC-MD5 (RFC 2104, RFC 1321), which the authentication of
// DHCP messages is made of (RFC 3118, RFC 6704). MD5 is good for nothing else any
// more. It stands here because crypto/md5 brings 160 KB of what it is not asked
// for, and initialises that at each start.
package hmacmd5

import (
	"encoding/binary"
	"math"
	"math/bits"
	"sync"
)

// Size is the length of a digest.
const Size = 16

const block = 64

// Sum returns the HMAC of msg.
func Sum(key, msg []byte) [Size]byte {
	if len(key) > block {
		d := md5(key)
		key = d[:]
	}
	var inner, outer [block]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range block {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	d := md5(append(inner[:], msg...))
	return md5(append(outer[:], d[:]...))
}

// Equal compares digests in a time that does not depend on them.
func Equal(a, b [Size]byte) bool {
	var differ byte
	for i := range a {
		differ |= a[i] ^ b[i]
	}
	return differ == 0
}

// sines are the constants of RFC 1321 3.4.
var sines = sync.OnceValue(func() (t [64]uint32) {
	for i := range t {
		t[i] = uint32(math.Floor(math.Abs(math.Sin(float64(i+1))) * (1 << 32)))
	}
	return t
})

var shifts = [4][4]int{{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}

// md5 is that of RFC 1321.
func md5(msg []byte) (digest [Size]byte) {
	padded := append(msg[:len(msg):len(msg)], 0x80)
	padded = append(padded, make([]byte, (2*block-8-len(padded)%block)%block)...)
	padded = binary.LittleEndian.AppendUint64(padded, uint64(len(msg))*8)
	state := [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
	t := sines()
	for ; len(padded) > 0; padded = padded[block:] {
		a, b, c, d := state[0], state[1], state[2], state[3]
		for i := range 64 {
			var f uint32
			k := i
			switch i / 16 {
			case 0:
				f = b&c | ^b&d
			case 1:
				f, k = b&d|c&^d, 5*i+1
			case 2:
				f, k = b^c^d, 3*i+5
			case 3:
				f, k = c^(b|^d), 7*i
			}
			word := binary.LittleEndian.Uint32(padded[k%16*4:])
			a, b, c, d = d, b+bits.RotateLeft32(a+f+t[i]+word, shifts[i/16][i%4]), b, c
		}
		state[0], state[1], state[2], state[3] = state[0]+a, state[1]+b, state[2]+c, state[3]+d
	}
	for i, v := range state {
		binary.LittleEndian.PutUint32(digest[4*i:], v)
	}
	return digest
}
