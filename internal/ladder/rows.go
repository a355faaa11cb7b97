package ladder

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// A kind is how a row looks.
type kind uint8

const (
	note     kind = iota // what the client has to say
	change               // of its state
	warning              // what a person should see
	ignored              // a message that has no effect
	sent                 // an arrow to the right
	unsent               // one that does not arrive
	received             // an arrow to the left
)

// A row is what stands on one line.
type row struct {
	kind kind
	text string
	// peer is who is at the right end of an arrow, or why it has none.
	peer string
}

// A side is what of one link's exchange is remembered, to tell what is new.
type side struct {
	// to is what stands between two states.
	to string
	// last is the last message that was sent, and times how often in a row.
	last  string
	times int
	// xid is the transaction that was named last.
	xid string
	// explained says that there is a row about why there is no link.
	explained bool

	// Of the second that began at window, shown rows came from the network;
	// hidden more are to be told of.
	window time.Duration
	shown  int
	hidden int
}

// rows are what e has to say, none for nothing. Records that are no part of the
// exchange are shown from level on.
func (s *side) rows(e *entry, level slog.Level) []row {
	switch e.message {
	case "sent":
		return []row{{sent, s.message(e), nobody(e.text("to"))}}
	case "cannot send":
		return []row{{unsent, e.text("message"), e.text("err")}}
	case "received":
		return []row{{received, granted(e) + s.transaction(e), e.text("server")}}
	case "ARP sent":
		return []row{{sent, s.arp(e), nobody(e.text("to"))}}
	case "ARP received":
		return []row{{received, answer(e), e.text("from")}}
	case "state":
		return []row{{change, e.text("from") + " " + s.to + " " + e.text("to") + after(": ", e.text("why")), ""}}
	}
	if rows, ok := s.news(e); ok {
		return rows
	}
	if e.level < level {
		return nil
	}
	r := row{note, other(e), ""}
	if e.level >= slog.LevelWarn {
		r.kind = warning
	}
	return []row{r}
}

// news are the rows of what is no message; ok is false for what is unknown.
func (s *side) news(e *entry) (rows []row, ok bool) {
	address := e.text("address")
	r := row{kind: warning}
	switch e.message {
	case "bound", "renewed":
		r = row{note, e.message + ": " + address + after(" for ", e.duration("lease")) + after(", renewal in ", e.duration("renew")), ""}
	case "NAK":
		// The message itself has a row, and so has what state it leads to.
		if r.text = "refused"; e.duration("wait") == "" {
			return nil, true
		}
	case "the lease expired":
		r.text = "the lease of " + address + " has ended"
	case "lease given up":
		r.text = "the lease of " + address + " is given up: " + e.text("reason")
	case "carrier is lost", "the link is gone":
		r.text, s.explained = e.message, true
	case "carrier is back", "carrier was lost, and is back", "the link is there":
		r.text, s.explained = e.message, false
	case "no carrier; waiting for it", "the link is gone; waiting for it":
		if s.explained {
			return nil, true
		}
		r.text = e.message
	case "address declined: another station has it":
		r.text = address + " is declined: " + e.text("station") + " has it"
	case "address declined: it cannot be used here":
		r.text = address + " is declined: it cannot be used here"
	case "no server answers; still asking":
		return nil, true // that can be seen
	case "stopped; the lease stays on the link":
		r = row{note, "stopped; " + address + " stays" + after(" until ", e.text("until")), ""}
	case "stopped; nothing was configured, and the server keeps the lease":
		r = row{note, "stopped; the server keeps " + address + after(" until ", e.text("until")), ""}
	case "verified":
		r = row{note, address + " is verified by the " + e.text("by") + after(" ", e.text("server")+e.text("station")), ""}
	case "released":
		r = row{note, address + " is released", ""}
	case "stopped":
		return []row{{note, other(e), ""}}, true
	case "message ignored", "frame rejected", "ARP packet rejected":
		r = row{ignored, e.message + after(": ", e.text("reason")), ""}
	case "message rejected":
		// Its text begins so as well.
		r = row{ignored, "message rejected: " + strings.TrimPrefix(e.text("err"), "message rejected: "), ""}
	default:
		return nil, false
	}
	r.text += after(", next try in ", e.duration("wait"))
	return []row{r}, true
}

// message is a message of ours. Its transaction is named when it is a new one,
// and how often it was sent when that is not the first time.
func (s *side) message(e *entry) string {
	name := e.text("message")
	requested, server, held := e.text("requested"), e.text("server"), e.text("ciaddr")
	text := name
	switch {
	case name == "DISCOVER":
		text += after(", rather for ", requested)
	case name == "REQUEST" && held != "" && requested == "":
		text += " to keep " + held
	case name == "REQUEST" && server == "":
		text += after(" to go on with ", requested)
	case name == "REQUEST":
		text += after(" ", requested) + after(" of ", server)
	default: // DECLINE, RELEASE
		text += after(" ", requested+held)
	}
	xid := s.transaction(e)
	return text + s.again(name+" "+e.text("xid")+held) + xid
}

// again counts a message and says how often it was sent, if not once.
func (s *side) again(what string) string {
	if what != s.last {
		s.last, s.times = what, 1
		return ""
	}
	s.times++
	return fmt.Sprintf(", again (%d)", s.times)
}

// transaction names the exchange that a message is of, if it is a new one.
func (s *side) transaction(e *entry) string {
	xid := e.text("xid")
	if xid == s.xid {
		return ""
	}
	s.xid = xid
	return after(" xid ", xid)
}

// granted is a message of a server.
func granted(e *entry) string {
	name := e.text("message")
	if name == "NAK" {
		if text := e.text("text"); text != "" {
			return fmt.Sprintf("NAK %q", text)
		}
		return "NAK"
	}
	return name + after(" ", e.text("address")) + after(" for ", e.duration("lease"))
}

// arp is an ARP packet of ours (RFC 5227 1.1, RFC 4436 2.1).
func (s *side) arp(e *entry) string {
	as, address := e.text("as"), e.text("address")
	again := s.again("ARP " + as + address)
	switch as {
	case "probe":
		if s.times > 1 {
			return fmt.Sprintf("ARP who has %s? (probe %d)", address, s.times)
		}
		return "ARP who has " + address + "? (probe)"
	case "announcement":
		return "ARP " + address + " is mine" + again
	}
	return "ARP who is the router " + address + "?"
}

// answer is an ARP packet of another station.
func answer(e *entry) string {
	address := e.text("address")
	switch e.text("as") {
	case "probe":
		return "ARP who has " + address + "? (probe)"
	case "user":
		return "ARP " + address + " is mine"
	}
	return "ARP the router " + address + " is me"
}

// other is a record that is no part of the exchange, in one line.
func other(e *entry) string {
	text := e.message + after(": ", e.text("err"))
	var rest []string
	for _, a := range e.attrs {
		if v := valueText(a.Value); v != "" && a.Key != "err" {
			rest = append(rest, a.Key+" "+v)
		}
	}
	if len(rest) > 0 {
		text += " (" + strings.Join(rest, ", ") + ")"
	}
	return text
}

// after is text behind what leads to it; empty if text is.
func after(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

// nobody says that a message is to nobody in particular.
func nobody(addr string) string {
	if addr == "255.255.255.255" || addr == "ff:ff:ff:ff:ff:ff" {
		return "all"
	}
	return addr
}

// inRows is how many rows a second the network can make us write: a flood must
// not bury the rest.
const inRows = 20

// thin leaves away what a flood brings, and tells how much that was with the
// next row that is shown.
func (s *side) thin(rows []row, now time.Duration) []row {
	if len(rows) == 0 {
		return nil
	}
	if now-s.window >= time.Second {
		s.window, s.shown = now, 0
	}
	if k := rows[0].kind; k == received || k == ignored {
		if s.shown++; s.shown > inRows {
			s.hidden++
			return nil
		}
	}
	if s.hidden > 0 {
		rows = append([]row{{ignored, fmt.Sprintf("%d more messages came and are not shown", s.hidden), ""}}, rows...)
		s.hidden = 0
	}
	return rows
}
