package capture

import (
	"encoding/binary"
	"time"
)

// Types of blocks, and of the options in them (PCAP Next Generation Capture File
// Format, 4.1 to 4.6).
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6

	optUserAppl     = 4 // of a section
	optName         = 2 // of an interface
	optResolution   = 9
	optFilterAccept = 6 // of statistics
	optOSDrop       = 7
	optFlags        = 2 // of a packet

	byteOrder    = 0x1a2b3c4d
	linkEthernet = 1 // LINKTYPE_ETHERNET
	nanoseconds  = 9 // timestamps count 10^-9 s
)

// A block is one that is being written. Everything is in little-endian order,
// which byteOrder tells the reader.
type block []byte

// newBlock begins a block. Its length is set by end.
func newBlock(kind uint32) block {
	b := make(block, 0, 128)
	b = b.long(kind)
	return b.long(0)
}

func (b block) long(v uint32) block  { return binary.LittleEndian.AppendUint32(b, v) }
func (b block) short(v uint16) block { return binary.LittleEndian.AppendUint16(b, v) }

// padded adds octets up to a multiple of four.
func (b block) padded(data []byte) block {
	b = append(b, data...)
	return append(b, make([]byte, -len(data)&3)...)
}

func (b block) option(code uint16, value []byte) block {
	return b.short(code).short(uint16(len(value))).padded(value)
}

func (b block) count(code uint16, n uint64) block {
	return b.option(code, binary.LittleEndian.AppendUint64(nil, n))
}

// time adds a timestamp: its upper half stands first.
func (b block) time(t time.Time) block {
	n := uint64(t.UnixNano())
	return b.long(uint32(n >> 32)).long(uint32(n))
}

// end is the whole block: its length stands at both ends.
func (b block) end() []byte {
	size := uint32(len(b) + 4)
	binary.LittleEndian.PutUint32(b[4:], size)
	return b.long(size)
}

// endOptions ends the options of a block, and it.
func (b block) endOptions() []byte { return b.long(0).end() }

// sectionHeader is what a file begins with.
func sectionHeader(program string) []byte {
	b := newBlock(blockSection).long(byteOrder).short(1).short(0)
	b = b.long(0xffffffff).long(0xffffffff) // the section's length is not told
	if program = program[:min(len(program), 255)]; program != "" {
		b = b.option(optUserAppl, []byte(program))
	}
	return b.endOptions()
}

// interfaceBlock describes a link; they are numbered in their order. Frames are
// whole.
func interfaceBlock(name string) []byte {
	b := newBlock(blockInterface).short(linkEthernet).short(0).long(0)
	return b.option(optName, []byte(name)).option(optResolution, []byte{nanoseconds}).endOptions()
}

// packetBlock is a frame of the link with that number.
func packetBlock(link int, f *frame) []byte {
	b := newBlock(blockPacket).long(uint32(link)).time(f.at)
	b = b.long(uint32(len(f.octets))).long(uint32(len(f.octets))).padded(f.octets)
	return b.option(optFlags, binary.LittleEndian.AppendUint32(nil, f.flags())).endOptions()
}

// statisticsBlock tells how many frames of a link there were, and how many of
// them are not in the file.
func statisticsBlock(link int, at time.Time, seen, lost uint64) []byte {
	b := newBlock(blockStatistics).long(uint32(link)).time(at)
	return b.count(optFilterAccept, seen).count(optOSDrop, lost).endOptions()
}

// wholeBlocks is how much of b, which begins with a block of ours, is blocks
// that are not cut off.
func wholeBlocks(b []byte) (n int) {
	for len(b)-n >= 8 {
		size := int(binary.LittleEndian.Uint32(b[n+4:]))
		if size > len(b)-n {
			break
		}
		n += size
	}
	return n
}
