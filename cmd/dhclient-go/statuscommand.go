package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/control"
)

// An answeredStatus is what a process says of a link, as it came and read.
type answeredStatus struct {
	linkStatus
	raw json.RawMessage
}

// statusOf asks for the link called name, or for all, in order. None is no error;
// an error does not mean that there is none.
func statusOf(o *options, name string, home bool) (all []*answeredStatus, err error) {
	asking := control.Asking{Dir: o.controlDir, Patience: processPatience}
	if asking.Request, err = o.request("status", name, home); err != nil {
		return nil, err
	}
	var bad error
	asking.Each = func(_ int, a *control.Answer) {
		st := &answeredStatus{raw: a.Link}
		if err := json.Unmarshal(a.Link, &st.linkStatus); err != nil {
			bad = cmp.Or(bad, fmt.Errorf("a process gives a status that makes no sense: %w", err))
			return
		}
		st.onWall(time.Now())
		all = append(all, st)
	}
	err = errors.Join(asking.Do(context.Background()), bad)
	if len(all) > 0 && name != "" {
		err = nil // what others say is of no matter
	}
	slices.SortStableFunc(all, byLink)
	return all, unasked(err)
}

// compareNames has eth2 before eth10.
func compareNames(a, b string) int {
	wordA, numberA := splitNumber(a)
	wordB, numberB := splitNumber(b)
	return cmp.Or(cmp.Compare(wordA, wordB), cmp.Compare(len(numberA), len(numberB)), cmp.Compare(a, b))
}

func splitNumber(name string) (word, number string) {
	word = strings.TrimRight(name, "0123456789")
	return word, strings.TrimLeft(name[len(word):], "0")
}

// skew is what the clock on the wall and that of a process may differ by before
// it is worth to be corrected: an answer takes its time.
const skew = 2 * time.Second

// onWall puts the times on the clock on the wall, which may have been set since
// the process has looked at it.
func (st *linkStatus) onWall(now time.Time) {
	d := now.Round(0).Sub(st.Time)
	if st.Time.IsZero() || d.Abs() < skew {
		return
	}
	for _, at := range []*time.Time{&st.Time, &st.Since, st.NextTry, st.HeldSince, st.RenewAt, st.RebindAt, st.ExpiresAt} {
		if at != nil && !at.IsZero() {
			*at = at.Add(d)
		}
	}
	if st.Lease != nil {
		st.Lease.Start = st.Lease.Start.Add(d)
	}
	for _, ev := range st.Events {
		ev.Time = ev.Time.Add(d)
	}
}

// showStatus is the command status.
func showStatus(o *options, stdout, _ io.Writer) (int, error) {
	all, err := statuses(o, true)
	if len(all) == 0 {
		return 0, err
	}
	code := exitDone
	v := newView(stdout)
	o.sortStatuses(all)
	table := !o.json && o.wantsTable(all)
	if table {
		v.table(all)
	}
	for i, st := range all {
		if st.Lease == nil {
			code = exitNoLease
		}
		switch {
		case table:
		case o.json:
			v.b.Write(append(st.raw, '\n'))
		default:
			if i > 0 {
				v.b.WriteByte('\n')
			}
			v.status(&st.linkStatus)
		}
	}
	return code, cmp.Or(v.flush(stdout), err)
}
