package capture

import (
	"encoding/binary"
	"fmt"
	"os"
	"testing"
	"time"
)

// A trace is a file of package capture as another program reads it: by the
// draft's words, with none of the package's own.
type trace struct {
	program string
	links   []string
	packets []packetRead
	// seen and lost are the statistics of each link, once they are there.
	seen, lost map[int]uint64
}

type packetRead struct {
	link   int
	at     time.Time
	octets []byte
	flags  uint32
}

func readTrace(t *testing.T, path string) *trace {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := parseTrace(b)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// parseTrace reads whole blocks, with their lengths at both ends.
func parseTrace(b []byte) (*trace, error) {
	tr := &trace{seen: map[int]uint64{}, lost: map[int]uint64{}}
	for at := 0; len(b) > 0; {
		if len(b) < 12 {
			return nil, fmt.Errorf("%d octets at %d are no block", len(b), at)
		}
		kind, size := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint32(b[4:]))
		if size < 12 || size%4 != 0 || size > len(b) {
			return nil, fmt.Errorf("block of %d octets at %d", size, at)
		}
		if end := int(binary.LittleEndian.Uint32(b[size-4:])); end != size {
			return nil, fmt.Errorf("block at %d ends with the length %d, not %d", at, end, size)
		}
		if (kind == 0x0a0d0d0a) != (at == 0) {
			return nil, fmt.Errorf("block %#x at %d", kind, at)
		}
		if err := tr.block(kind, b[8:size-4]); err != nil {
			return nil, fmt.Errorf("block at %d: %w", at, err)
		}
		b, at = b[size:], at+size
	}
	return tr, nil
}

func (tr *trace) block(kind uint32, b []byte) error {
	le := binary.LittleEndian
	switch kind {
	case 0x0a0d0d0a:
		if le.Uint32(b) != 0x1a2b3c4d || le.Uint16(b[4:]) != 1 || le.Uint16(b[6:]) != 0 || le.Uint64(b[8:]) != 1<<64-1 {
			return fmt.Errorf("head % x", b[:16])
		}
		opts, err := options(b[16:])
		tr.program = string(opts[4])
		return err
	case 1:
		opts, err := options(b[8:])
		if le.Uint16(b) != 1 || le.Uint32(b[4:]) != 0 || len(opts[9]) != 1 || opts[9][0] != 9 {
			return fmt.Errorf("interface % x", b)
		}
		tr.links = append(tr.links, string(opts[2]))
		return err
	case 6:
		p := packetRead{link: int(le.Uint32(b))}
		if p.link >= len(tr.links) {
			return fmt.Errorf("packet of link %d of %d", p.link, len(tr.links))
		}
		p.at = time.Unix(0, int64(uint64(le.Uint32(b[4:]))<<32|uint64(le.Uint32(b[8:]))))
		n := int(le.Uint32(b[12:]))
		if n != int(le.Uint32(b[16:])) {
			return fmt.Errorf("a packet was cut to %d octets", n)
		}
		p.octets = b[20:][:n]
		opts, err := options(b[20+(n+3)/4*4:])
		p.flags = le.Uint32(opts[2])
		tr.packets = append(tr.packets, p)
		return err
	case 5:
		opts, err := options(b[12:])
		link := int(le.Uint32(b))
		tr.seen[link], tr.lost[link] = le.Uint64(opts[6]), le.Uint64(opts[7])
		return err
	}
	return fmt.Errorf("of the unknown type %#x", kind)
}

func options(b []byte) (map[uint16][]byte, error) {
	opts := map[uint16][]byte{}
	for len(b) >= 4 {
		code, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if code == 0 {
			if n != 0 || len(b) != 4 {
				return nil, fmt.Errorf("%d octets after the options", len(b)-4)
			}
			return opts, nil
		}
		opts[code] = b[4:][:n]
		b = b[4+(n+3)/4*4:]
	}
	return nil, fmt.Errorf("options without an end")
}
