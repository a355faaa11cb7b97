package isc

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A Block is a lease statement, of dhclient.leases or of dhclient.conf.
type Block struct {
	// Interface is the name of the link.
	Interface string
	// Name is that of a pseudo interface; empty for the interface itself.
	Name string
	// Address is fixed-address.
	Address netip.Addr
	// Bootp says that the lease was got by BOOTP, without a server that
	// could renew it.
	Bootp bool
	// Filename and ServerName are the fields of the message.
	Filename, ServerName string
	// Options are the options, by their code.
	Options map[uint8][]byte
	// Renew, Rebind and Expire are the times of the lease in UTC, by the wall
	// clock; the zero Time where nothing is said.
	Renew, Rebind, Expire time.Time
	// Never says that the lease does not expire.
	Never bool

	line       int
	start, end int    // of its text in the file
	note       string // ours, before it
}

// readBlock reads a lease after its first word, t. ok is false if it is not
// whole; what is wrong inside of it costs that statement.
func readBlock(p *parser, t token, options *option.Table) (b *Block, ok bool) {
	b = &Block{line: t.line, start: t.start, note: t.note, Options: map[uint8][]byte{}}
	if b.note != "" {
		b.start = t.noteAt
	}
	ok = p.block(t, func() { b.statement(p, options) })
	b.end = p.last.end
	return b, ok && p.err == nil
}

// statement reads one statement of a lease.
func (b *Block) statement(p *parser, options *option.Table) {
	if p.take(";") {
		return
	}
	t := p.advance()
	word := strings.ToLower(t.text)
	if t.kind == aWord && word == "option" {
		b.option(p, t, options)
		return
	}
	list, ok := p.values()
	if t.kind != aWord || !ok {
		p.reject(t, "not a statement of a lease")
		return
	}
	if err := b.set(word, list, p.text(list)); err != nil {
		p.warn(t.line, "lease: %s: %v, statement skipped", brief(t.text), err)
	}
}

// set takes the value of a statement that is not an option.
func (b *Block) set(word string, list []token, text string) (err error) {
	switch word {
	case "interface":
		b.Interface, err = oneString(list)
	case "name":
		b.Name, err = oneString(list)
	case "filename":
		b.Filename, err = oneString(list)
	case "server-name":
		b.ServerName, err = oneString(list)
	case "bootp":
		b.Bootp = true
	case "fixed-address":
		a, err := netip.ParseAddr(text)
		if err != nil || !lease.UsableAddr(a) {
			return fmt.Errorf("%q is not the address of a host", brief(text))
		}
		b.Address = a
	case "renew":
		b.Renew, _, err = parseTime(text)
	case "rebind":
		b.Rebind, _, err = parseTime(text)
	case "expire":
		b.Expire, b.Never, err = parseTime(text)
	case "medium", "key":
		return fmt.Errorf("not supported")
	default:
		return fmt.Errorf("not a statement of a lease")
	}
	return err
}

func oneString(list []token) (string, error) {
	if len(list) != 1 || list[0].kind != aString {
		return "", fmt.Errorf("wants one string in quotes")
	}
	return list[0].text, nil
}

// option reads an option of a lease. Those of other option spaces, which
// dhclient writes too, are parts of options that stand there whole or are not
// known to anybody: they are skipped.
func (b *Block) option(p *parser, t token, options *option.Table) {
	name, err := readName(p)
	if err == nil && name.space != "" {
		p.skip()
		return
	}
	row, known := option.Row{}, false
	if err == nil {
		if row, known = name.find(options); !known {
			err = fmt.Errorf("there is no option %s", name)
		}
	}
	if err != nil {
		p.reject(t, "%v", err)
		return
	}
	list, ok := p.values()
	if !ok {
		p.reject(t, "%s: no semicolon after it", row.Name)
		return
	}
	v, err := parseValue(p, row, list)
	if err != nil {
		p.warn(t.line, "option %s: %v, statement skipped", row.Name, err)
		return
	}
	if len(v) > 0 {
		b.Options[row.Code] = v
	}
}

// A Decoder makes a lease of an address and the options that came with it, as
// client.LeaseFromOptions does.
type Decoder func(addr netip.Addr, options map[uint8][]byte) (*lease.Lease, error)

// Lease is the lease that the block describes, by a wall clock that says now.
func (b *Block) Lease(now time.Time, decode Decoder) (*lease.Lease, error) {
	l, err := decode(b.Address, b.Options)
	if err != nil {
		return nil, fmt.Errorf("lease of %v: %w", b.Address, err)
	}
	l.BootFile, l.ServerName = field(b.Filename, lease.MaxBootFile), field(b.ServerName, lease.MaxServerName)
	now = now.Round(0).UTC()
	if b.Never {
		l.Start, l.Valid, l.T1, l.T2 = now, lease.Infinite, 0, 0
		return l, nil
	}
	// dhclient does not keep when a lease began, but how long it was.
	if l.Start = b.Expire.Add(-l.Valid); l.Valid <= 0 || l.IsInfinite() {
		l.Start = now
		l.Valid = b.Expire.Sub(now).Truncate(time.Second)
		if l.Valid <= 0 { // over: what it lasted is of no use to anybody
			l.Valid = time.Second
			l.Start = b.Expire.Add(-l.Valid)
		}
	}
	l.Valid = min(l.Valid, lease.Infinite-time.Second)
	l.T1, l.T2 = b.Renew.Sub(l.Start), b.Rebind.Sub(l.Start)
	if l.T1 <= 0 || l.T1 >= l.T2 || l.T2 >= l.Valid { // RFC 2131 4.4.5
		l.T1, l.T2 = l.Valid/2, l.Valid/8*7
	}
	return l, nil
}

// field is a field of a message as package lease has it, or nothing.
func field(s string, n int) string {
	if !lease.ValidHeaderText(s, n) {
		return ""
	}
	return s
}
