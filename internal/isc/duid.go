package isc

import (
	"encoding/binary"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// maxDUID is the longest identifier (RFC 8415 11.1).
const maxDUID = 130

// duidEpoch is when the time of a DUID-LLT begins (RFC 8415 11.2).
var duidEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// NewDUIDLLT makes the identifier of an Ethernet address and a time (RFC 8415
// 11.2).
func NewDUIDLLT(hw lease.HardwareAddr, now time.Time) []byte {
	v := binary.BigEndian.AppendUint32([]byte{0, 1, 0, 1}, uint32(now.Sub(duidEpoch)/time.Second))
	return append(v, hw[:]...)
}

// NewDUIDLL makes the identifier of an Ethernet address (RFC 8415 11.4).
func NewDUIDLL(hw lease.HardwareAddr) []byte {
	return append([]byte{0, 3, 0, 1}, hw[:]...)
}

// ClientID is option 61 for a DUID (RFC 4361 6.1). The number of the interface
// is the end of its address, as dhclient has it.
func ClientID(duid []byte, hw lease.HardwareAddr) []byte {
	return append(append([]byte{255}, hw[2:]...), duid...)
}
