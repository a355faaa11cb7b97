package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

// A voice is how another client says what happens, for those who read its log:
// people out of habit, and scripts that look for "bound to". What it has no words
// for is said in ours, or not at all.
type voice struct {
	// tell is a line for a record of the client's log; empty for none.
	tell func(what string, attrs map[string]string) string
	// event is a line for an event, which record has less about.
	event func(ev client.Event) string
}

// A voiceHandler writes the client's log in the words of another: aloud, or
// warnings only.
type voiceHandler struct {
	*lineHandler
	w     io.Writer
	voice *voice
	aloud func() bool
}

// newVoiceLogger is the log of a client that speaks with v.
func newVoiceLogger(v *voice, w io.Writer, aloud func() bool) *slog.Logger {
	return slog.New(&voiceHandler{&lineHandler{w: w, level: slog.LevelWarn}, w, v, aloud})
}

// Enabled says that any record may have words.
func (h *voiceHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.aloud()
}

// WithAttrs is the handler's own, of the same voice.
func (h *voiceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &voiceHandler{h.lineHandler.WithAttrs(attrs).(*lineHandler), h.w, h.voice, h.aloud}
}

// WithGroup is the same for a group.
func (h *voiceHandler) WithGroup(name string) slog.Handler {
	return &voiceHandler{h.lineHandler.WithGroup(name).(*lineHandler), h.w, h.voice, h.aloud}
}

// Handle writes a record: in the words of the voice, or as it is if it is a
// warning.
func (h *voiceHandler) Handle(ctx context.Context, r slog.Record) error {
	attrs := map[string]string{}
	for _, a := range h.attrs {
		attrs[a.Key] = oneLine(a.Value.Resolve().String())
	}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = oneLine(a.Value.Resolve().String())
		return true
	})
	line := h.voice.tell(r.Message, attrs)
	if line != "" && h.aloud() {
		_, err := io.WriteString(h.w, line+"\n")
		return err
	}
	if line != "" || r.Level < slog.LevelWarn {
		return nil
	}
	return h.lineHandler.Handle(ctx, r)
}

// noServerRecord is what the log has when the schedule gives up.
const noServerRecord = "no lease: no server has answered "

// dhclientVoice has the lines of dhclient(8).
var dhclientVoice = &voice{tell: tellAsDhclient, event: eventAsDhclient}

func tellAsDhclient(what string, a map[string]string) string {
	switch what + " " + a["message"] {
	case "sent DISCOVER":
		return fmt.Sprintf("DHCPDISCOVER on %s to %s port 67", a["if"], a["to"])
	case "sent REQUEST":
		address := a["requested"]
		if address == "invalid IP" {
			address = a["ciaddr"]
		}
		return fmt.Sprintf("DHCPREQUEST for %s on %s to %s port 67", address, a["if"], a["to"])
	case "sent DECLINE":
		return fmt.Sprintf("DHCPDECLINE of %s on %s to %s port 67", a["requested"], a["if"], a["to"])
	case "sent RELEASE":
		return fmt.Sprintf("DHCPRELEASE of %s on %s to %s port 67", a["ciaddr"], a["if"], a["to"])
	case "received OFFER", "received ACK":
		return fmt.Sprintf("DHCP%s of %s from %s", a["message"], a["address"], a["server"])
	case "received NAK":
		return "DHCPNAK from " + a["server"]
	case noServerRecord:
		return "No DHCPOFFERS received."
	}
	return ""
}

func eventAsDhclient(ev client.Event) string {
	switch ev := ev.(type) {
	case client.Bound:
		return boundAsDhclient(ev.Lease.Address.String(), ev.Lease.T1)
	case client.Renewed:
		return boundAsDhclient(ev.Lease.Address.String(), ev.Lease.T1)
	default:
	}
	return ""
}

func boundAsDhclient(address string, t1 time.Duration) string {
	if t1 == 0 {
		return fmt.Sprintf("bound to %s -- never to be renewed.", address)
	}
	return fmt.Sprintf("bound to %s -- renewal in %d seconds.", address, t1/time.Second)
}

// udhcpcVoice has the lines of udhcpc.
var udhcpcVoice = &voice{tell: tellAsUdhcpc, event: eventAsUdhcpc}

func tellAsUdhcpc(what string, a map[string]string) string {
	switch what + " " + a["message"] {
	case "sent DISCOVER":
		return "udhcpc: broadcasting discover"
	case "sent REQUEST":
		switch {
		case a["server"] != "invalid IP":
			return fmt.Sprintf("udhcpc: broadcasting select for %s, server %s", a["requested"], a["server"])
		case a["to"] == "255.255.255.255":
			return "udhcpc: broadcasting renew"
		}
		return "udhcpc: sending renew to server " + a["to"]
	case "sent DECLINE":
		return "udhcpc: broadcasting decline"
	case "sent RELEASE":
		return "udhcpc: unicasting a release of " + a["ciaddr"] + " to " + a["to"]
	case "received NAK":
		return "udhcpc: received DHCP NAK"
	case noServerRecord:
		return "udhcpc: no lease"
	}
	return ""
}

func eventAsUdhcpc(ev client.Event) string {
	obtained := func(address, server fmt.Stringer, valid time.Duration) string {
		return fmt.Sprintf("udhcpc: lease of %s obtained from %s, lease time %d", address, server, valid/time.Second)
	}
	switch ev := ev.(type) {
	case client.Bound:
		return obtained(ev.Lease.Address, ev.Lease.Server, ev.Lease.Valid)
	case client.Renewed:
		return obtained(ev.Lease.Address, ev.Lease.Server, ev.Lease.Valid)
	case client.Lost:
		return "udhcpc: lease lost, entering init state"
	case client.Expired:
		return "udhcpc: lease lost, entering init state"
	default:
	}
	return ""
}
