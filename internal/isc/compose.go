package isc

import (
	"net/netip"
	"strings"
)

// maxComposed is how large a file is made: with a lease of the longest message
// it can still be read.
const maxComposed = maxFile / 2

// others are the texts of what is kept beside the last lease of the interface,
// which is for the address a: what others have in the file, and leases of the
// interface for other addresses that have not expired, each once, as dhclient
// keeps them. With the zero Addr the interface keeps none.
func (s *Store) others(f *Leases, a netip.Addr) []string {
	foreign, own := append([]string(nil), f.other...), []string(nil)
	seen := map[netip.Addr]bool{a: true}
	now := s.wall()
	for i := len(f.Blocks) - 1; i >= 0; i-- {
		b := f.Blocks[i]
		switch {
		case b.Interface != s.cfg.Interface || b.Name != "":
			foreign = append(foreign, f.text(b))
		case a.IsValid() && !seen[b.Address] && (b.Never || b.Expire.After(now)) && len(own) < maxOld:
			seen[b.Address] = true
			own = append(own, f.text(b))
		}
	}
	// Both are the newest first, so that the oldest are left out if it is
	// too much.
	return reversed(bounded(append(own, foreign...)))
}

// bounded are as many of the texts as a file can hold.
func bounded(texts []string) []string {
	size := 0
	for i, t := range texts {
		if size += len(t); size > maxComposed {
			return texts[:i]
		}
	}
	return texts
}

func reversed(texts []string) []string {
	for i, j := 0, len(texts)-1; i < j; i, j = i+1, j-1 {
		texts[i], texts[j] = texts[j], texts[i]
	}
	return texts
}

// compose is a file that holds an identifier, and leases.
func compose(duid []byte, others []string, last []byte) []byte {
	var b []byte
	if duid != nil {
		b = appendDUID(b, duid)
	}
	for _, t := range others {
		b = append(b, t...)
		if !strings.HasSuffix(t, "\n") {
			b = append(b, '\n')
		}
	}
	return append(b, last...)
}

// appendDUID writes the statement of an identifier.
func appendDUID(b, duid []byte) []byte {
	return append(appendText(append(b, "default-duid "...), string(duid)), ";\n"...)
}
