package hmacmd5

import (
	"crypto/hmac"
	stdmd5 "crypto/md5"
	"encoding/hex"
	"testing"
)

// The vectors of RFC 2202 2.
func TestSum_RFC2202_2(t *testing.T) {
	for _, tt := range [][3]string{
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", hex.EncodeToString([]byte("Hi There")), "9294727a3638bb1c13f48ef8158bfc9d"},
		{hex.EncodeToString([]byte("Jefe")), hex.EncodeToString([]byte("what do ya want for nothing?")), "750c783e6ab0b503eaa86e310a5db738"},
	} {
		key, _ := hex.DecodeString(tt[0])
		msg, _ := hex.DecodeString(tt[1])
		if got := Sum(key, msg); hex.EncodeToString(got[:]) != tt[2] {
			t.Errorf("got %x, want %s", got, tt[2])
		}
	}
}

// It is what the standard library has, at every length about a block's.
func TestSum_LikeTheStandardLibrary(t *testing.T) {
	buf := make([]byte, 700)
	for i := range buf {
		buf[i] = byte(i * 7)
	}
	for n := range buf {
		msg, key := buf[:n], buf[:n%150]
		h := hmac.New(stdmd5.New, key)
		h.Write(msg)
		got := Sum(key, msg)
		if want := [Size]byte(h.Sum(nil)); got != want || md5(msg) != stdmd5.Sum(msg) {
			t.Fatalf("%d octets: %x, want %x", n, got, want)
		}
		other := got
		other[n%Size] ^= 1
		if !Equal(got, got) || Equal(got, other) {
			t.Fatal("Equal is wrong")
		}
	}
}
