package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// showLease is the command lease.
func showLease(o *options, stdout, stderr io.Writer) (int, error) {
	all, err := statuses(o, true)
	switch {
	case is[*noClientError](err):
		return showStored(o, stdout, stderr)
	case len(all) == 0:
		return 0, err
	}
	code := exitDone
	v := newView(stdout)
	for i, st := range all {
		switch {
		case st.Lease == nil:
			code = exitNoLease
			what, _ := v.headline(&st.linkStatus)
			complain(stderr, fmt.Errorf("%s: %s: %s", st.Interface, st.State, what))
		case o.json:
			if err := writeLease(&v.b, st.Interface, st.Lease); err != nil {
				return 0, err
			}
		default:
			v.lease(i > 0, st.where(), st.Lease)
		}
	}
	return code, cmp.Or(v.flush(stdout), err)
}

// showStored is showLease where no client runs.
func showStored(o *options, stdout, stderr io.Writer) (int, error) {
	names := o.links
	if len(names) == 0 {
		var err error
		if names, err = storedNames(o.leases()); err != nil {
			return 0, err
		}
		if len(names) == 0 {
			return 0, errors.Join(o.noClient(""), fmt.Errorf("no lease is stored in %s", o.leases()))
		}
	}
	code := exitDone
	v := newView(stdout)
	for i, name := range names {
		store, err := lease.NewDir(o.leases(), name)
		if err != nil {
			return 0, err
		}
		l, err := store.Load(context.Background())
		switch {
		case err != nil:
			return 0, err
		case l == nil:
			code = exitNoLease
			complain(stderr, fmt.Errorf("%s: no client runs, and no lease is stored in %s", name, o.leases()))
			continue
		}
		complain(stderr, fmt.Errorf("%s: no client runs; this is the stored lease", name))
		if o.json {
			if err := writeLease(&v.b, name, l); err != nil {
				return 0, err
			}
			continue
		}
		v.lease(i > 0, name, l)
	}
	return code, v.flush(stdout)
}

// storedNames are the interfaces that have a lease in dir.
func storedNames(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, compareNames)
	return names, nil
}

// lease writes all that there is in a lease.
func (v *view) lease(more bool, name string, l *lease.Lease) {
	if more {
		v.b.WriteByte('\n')
	}
	state := v.remains(l)
	if l.Expired(v.now) {
		state = prefix(l) + ", over"
	}
	v.line(v.paint(bold, v.clean(name)) + "  " + state)
	v.times(l)
	v.terms(l)
	for _, r := range []struct {
		key, text string
	}{
		{"broadcast", text(l.Broadcast)}, {"host name", l.Hostname}, {"domain", l.Domain},
		{"MTU", number(l.MTU)}, {"NTP", addrs(l.NTP)}, {"portal", l.CaptivePortal}, {"WPAD", l.WPAD()},
		{"time zone", timeZone(l)},
		{"boot from", text(l.NextServer)}, {"boot name", cmp.Or(l.TFTPServerName(), l.ServerName)}, {"boot file", cmp.Or(l.BootFileName(), l.BootFile)},
		{"TFTP", addrs(l.TFTPServers())}, {"SIP", strings.Join(l.SIPServers(), " ")},
		{"client id", hex.EncodeToString(l.ClientID)}, {"own MAC", macText(l.HardwareAddr)}, {"router MAC", macText(l.RouterMAC)},
	} {
		if r.text != "" {
			v.row(r.key, r.text)
		}
	}
	for _, r := range l.Resolvers() {
		v.row("secure DNS", resolverText(r))
	}
	if len(l.Options) > 0 {
		v.line("  options as they came")
	}
	for _, code := range slices.Sorted(maps.Keys(l.Options)) {
		v.option(code, l.Options[code])
	}
}

// times are when the lease began, and when what is due.
func (v *view) times(l *lease.Lease) {
	full := func(at time.Time) string { return at.In(v.zone).Format("2006-01-02 15:04:05") }
	if !l.Start.IsZero() { // a fallback has none
		v.row("began", full(l.Start))
	}
	if l.IsInfinite() {
		v.row("ends", "never")
		return
	}
	v.row("T1", fmt.Sprintf("%s, after %s: to be renewed", full(l.RenewAt()), span(about(l.T1))))
	v.row("T2", fmt.Sprintf("%s, after %s: any server is asked", full(l.RebindAt()), span(about(l.T2))))
	v.row("ends", fmt.Sprintf("%s, after %s", full(l.ExpireAt()), span(l.Valid)))
}

// optionColumns is how many the number and the name of an option take.
const optionColumns = 40

// option writes an option: its number, its name, and its value as text, or in
// hexadecimal where it has no text.
func (v *view) option(code uint8, value []byte) {
	row, _ := (*option.Table)(nil).ByCode(code)
	words, err := row.Text(value)
	switch {
	case err != nil:
		words = fmt.Sprintf("% x (%v)", value, err)
	case row.Kind == option.Octets && !strings.HasPrefix(words, `"`):
		words = fmt.Sprintf("% x", value)
	}
	name := row.Name
	if strings.HasPrefix(name, "unknown-") {
		name = row.Udhcpc
	}
	head := fmt.Sprintf("    %3d %s ", code, name)
	width := min(optionColumns, v.width/2)
	for i, line := range wrap(v.clean(words), v.width-max(width, columns(head))) {
		if i > 0 {
			head = ""
		}
		v.line(fmt.Sprintf("%-*s%s", width, head, line))
	}
}

// resolverText is a resolver that is spoken to in private.
func resolverText(r lease.Resolver) string {
	words := []string{r.Name}
	if len(r.Addrs) > 0 {
		words = append(words, "at", addrs(r.Addrs), "by", strings.Join(r.ALPN, " "))
	}
	if r.Port != 0 {
		words = append(words, "port", number(int(r.Port)))
	}
	if r.DOHPath != "" {
		words = append(words, r.DOHPath)
	}
	return strings.Join(words, " ")
}

// timeZone is what the server says of the time, by the best of its options.
func timeZone(l *lease.Lease) string {
	name := cmp.Or(l.TimeZone(), l.PosixTimeZone())
	if d, ok := l.UTCOffset(); ok && name == "" {
		hours := d.Truncate(time.Minute).Abs()
		return fmt.Sprintf("UTC%s%d:%02d", sign(d), int(hours.Hours()), int(hours.Minutes())%60)
	}
	return name
}

func sign(d time.Duration) string {
	if d < 0 {
		return "-"
	}
	return "+"
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func macText(a lease.HardwareAddr) string {
	if a.IsZero() {
		return ""
	}
	return a.String()
}
