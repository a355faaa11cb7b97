package isc

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// maxShown is the longest value of an option that is written as a statement:
// dhclient reads no more than 1024 octets of one.
const maxShown = 1000

// A note is what a lease has that dhclient's own statements do not hold. It
// stands in a comment before the statement, which other readers skip.
type note struct {
	Version  int          `json:"version"`
	BootID   string       `json:"boot_id,omitempty"`
	BootTime int64        `json:"boot_time_ns"`
	Lease    *lease.Lease `json:"lease"`
}

// noteVersion is the version of the form of a note; another is not read.
const noteVersion = 1

// appendLease writes a lease, whose Start is by the wall clock, as dhclient
// does. No octet of it can end a statement, a string or the block, neither for
// dhclient nor for those who look for semicolons and braces only, as cloud-init
// does. If n is not nil, a note stands before it.
func appendLease(b []byte, iface string, l *lease.Lease, options *option.Table, n *note) ([]byte, error) {
	if n != nil {
		j, err := json.Marshal(n)
		if err != nil {
			return nil, err
		}
		b = appendNote(append(b, notePrefix...), j)
		b = append(b, '\n')
	}
	b = append(b, "lease {\n  interface "...)
	b = appendText(b, iface)
	b = append(b, ";\n  fixed-address "...)
	b = l.Address.AppendTo(b)
	b = append(b, ";\n"...)
	b = appendField(b, "filename", l.BootFile)
	b = appendField(b, "server-name", l.ServerName)
	values := shown(l)
	for _, code := range slices.Sorted(maps.Keys(values)) {
		b = appendOption(b, code, values[code], options)
	}
	for _, at := range []struct {
		word string
		time time.Time
	}{{"renew", l.RenewAt()}, {"rebind", l.RebindAt()}, {"expire", l.ExpireAt()}} {
		b = append(append(append(b, "  "...), at.word...), ' ')
		b = append(appendTime(b, at.time), ";\n"...)
	}
	return append(b, "}\n"...), nil
}

func appendField(b []byte, word, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, "  "...), word...), ' ')
	return append(appendText(b, value), ";\n"...)
}

// shown are the options of a lease, with what dhclient always has although an
// ACK may have left it out.
func shown(l *lease.Lease) map[uint8][]byte {
	out := maps.Clone(l.Options)
	if out == nil {
		out = map[uint8][]byte{}
	}
	add := func(code uint8, v []byte) {
		if len(out[code]) == 0 {
			out[code] = v
		}
	}
	if l.Bits > 0 {
		add(codeMask, binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-l.Bits)))
	}
	if a := l.Server; a.Is4() {
		add(codeServerID, a.AsSlice())
	}
	add(codeLeaseTime, binary.BigEndian.AppendUint32(nil, uint32(min(l.Valid, lease.Infinite)/time.Second)))
	return out
}

// appendOption writes an option, if its value is one: what is empty, too long
// or not of the option's type is left to the note.
func appendOption(b []byte, code uint8, v []byte, options *option.Table) []byte {
	row, ok := options.ByCode(code)
	if !ok || len(v) == 0 || len(v) > maxShown {
		return b
	}
	text, err := row.Text(v)
	if err != nil || text == "" {
		return b
	}
	if isOpaque(row) && strings.ContainsAny(text, guarded+`\`) {
		// cloud-init takes backslashes out of option 245 before it looks
		// whether that is an address in octets or in hexadecimal.
		text = hexText(v)
	}
	b = append(append(append(b, "  option "...), row.Name...), ' ')
	return append(appendGuarded(b, text), ";\n"...)
}

// hexText is how dhclient writes octets that are no text: 1:2:a.
func hexText(v []byte) string {
	var b []byte
	for i, c := range v {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(c), 16)
	}
	return string(b)
}

// appendText writes s as a string in quotes.
func appendText(b []byte, s string) []byte { return appendGuarded(b, string(appendQuoted(nil, s))) }

// guarded are the characters that are written in octal where they stand in a
// string: some readers take no notice of quotes.
const guarded = ";{}#"

// appendGuarded writes the text of a value, in which those stand in strings
// only. Whatever else has no place in it is left out.
func appendGuarded(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case strings.IndexByte(guarded, c) >= 0:
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		case c >= ' ' && c <= '~':
			b = append(b, c)
		}
	}
	return b
}

// appendNote writes JSON in which no string holds what means something to a
// reader of lease files.
func appendNote(b, j []byte) []byte {
	const hexDigits = "0123456789abcdef"
	inString, escaped := false, false
	for _, c := range j {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = inString
		case c == '"':
			inString = !inString
		case inString && (strings.IndexByte(guarded, c) >= 0 || c == ' '):
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			continue
		}
		b = append(b, c)
	}
	return b
}

// readNote returns the lease of a note if it is the one of the block.
func (b *Block) readNote() *note {
	var n note
	if b.note == "" || json.Unmarshal([]byte(b.note), &n) != nil || n.Version != noteVersion || n.Lease == nil {
		return nil
	}
	l := n.Lease
	same := l.Address == b.Address && l.IsInfinite() == b.Never
	// The file has whole seconds.
	if d := l.ExpireAt().Sub(b.Expire); !same || !b.Never && (d < 0 || d > time.Second) {
		return nil
	}
	return &n
}
