package isc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// Leases is what a dhclient.leases says.
type Leases struct {
	// DUID is the default-duid; nil for none.
	DUID []byte
	// Blocks are the leases, in the order of the file: of an interface's the
	// last is the one in use.
	Blocks []*Block
	// Warnings are the statements that were not read.
	Warnings []Warning

	src []byte
	// other are statements for other clients, such as lease6, in their order.
	other []string
}

// ParseLeases reads a dhclient.leases, which is called name in warnings. What
// it cannot read costs that statement, and the end of the file that a crash may
// have left: the lease file is never an error, but for its size.
func ParseLeases(name string, src []byte, options *option.Table) (*Leases, error) {
	if len(src) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	f := &Leases{src: src}
	p := newParser(name, src, &f.Warnings)
	for p.tok.kind != atEOF {
		if p.take("}") || p.take(";") {
			continue
		}
		f.statement(p, options)
	}
	if p.err != nil {
		f.Warnings = append(f.Warnings, Warning{name, p.tok.line, p.err.Error()})
	}
	return f, nil
}

// statement reads one statement; if that is not whole, it is as if it were not
// there.
func (f *Leases) statement(p *parser, options *option.Table) {
	t := p.advance()
	switch {
	case t.is("lease"):
		if b, ok := readBlock(p, t, options); ok && b.Interface != "" && b.Address.IsValid() {
			f.Blocks = append(f.Blocks, b)
		}
	case t.is("default-duid"):
		list, ok := p.values()
		v, err := parseOctets(list)
		if !ok || err != nil || len(v) <= 2 || len(v) > maxDUID {
			p.warn(t.line, "default-duid: not an identifier, statement skipped")
			return
		}
		f.DUID = v
	case t.is("lease6"):
		p.skip()
		if p.err == nil && p.last.is("}") { // a whole block
			f.other = append(f.other, string(f.src[t.start:p.last.end]))
		}
	default:
		p.warn(t.line, "%v where a lease should begin, skipped", t)
		p.skip()
	}
}

// parseOctets reads a string, or octets in hexadecimal with colons.
func parseOctets(list []token) ([]byte, error) {
	if len(list) == 1 && list[0].kind == aString {
		return []byte(list[0].text), nil
	}
	var v []byte
	for i, t := range list {
		if i%2 == 1 {
			if !t.is(":") {
				return nil, strconv.ErrSyntax
			}
			continue
		}
		n, err := strconv.ParseUint(t.text, 16, 8)
		if t.kind != aWord || err != nil {
			return nil, strconv.ErrSyntax
		}
		v = append(v, byte(n))
	}
	if len(list)%2 == 0 {
		return nil, strconv.ErrSyntax
	}
	return v, nil
}

// text is the source of a block, with its note.
func (f *Leases) text(b *Block) string {
	return strings.TrimSpace(string(f.src[b.start:b.end])) + "\n"
}

// Newest is the last lease of an interface; nil for none.
func (f *Leases) Newest(iface string) *Block {
	for i := len(f.Blocks) - 1; i >= 0; i-- {
		if b := f.Blocks[i]; b.Interface == iface && b.Name == "" {
			return b
		}
	}
	return nil
}
