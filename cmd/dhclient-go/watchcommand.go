package main

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/control"
)

// watch is the command of that name. Each process is asked once for each link
// that is named, and tells as long as it runs.
func watch(o *options, stdout, _ io.Writer) (int, error) {
	if all, err := statuses(o, true); len(all) == 0 {
		return 0, err // nobody would ever say anything
	}
	v := newView(stdout)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	name := ""
	if len(o.links) == 1 {
		name = o.links[0]
	}
	request, err := o.request("watch", name, true)
	if err != nil {
		return 0, err
	}
	asking := control.Asking{Dir: o.controlDir, Request: request}
	var lost error // nobody reads us any more
	asking.Each = func(_ int, a *control.Answer) {
		if err := o.tell(v, a, stdout); err != nil {
			lost = err
			stop()
		}
	}
	if err := asking.Do(ctx); lost == nil {
		lost = unasked(err)
	}
	return exitDone, lost
}

// tell prints an answer to watch.
func (o *options) tell(v *view, a *control.Answer, stdout io.Writer) error {
	var ev eventLine
	switch {
	case a.Dropped > 0:
		ev = eventLine{Time: time.Now().Round(0), Event: "dropped", Count: a.Dropped}
		raw, err := json.Marshal(&ev)
		if err != nil {
			return err
		}
		a.Event = raw
	case a.Link != nil:
		return o.tellState(v, a.Link, stdout)
	default:
		if err := json.Unmarshal(a.Event, &ev); err != nil {
			return err
		}
	}
	if len(o.links) > 1 && ev.Interface != "" && !slices.Contains(o.links, ev.Interface) {
		return nil
	}
	if o.json {
		_, err := stdout.Write(append(a.Event, '\n'))
		return err
	}
	v.now = time.Now().Round(0)
	v.tell(&ev)
	return v.flush(stdout)
}

// tellState prints how a link is at the beginning.
func (o *options) tellState(v *view, raw json.RawMessage, stdout io.Writer) error {
	var st linkStatus
	if err := json.Unmarshal(raw, &st); err != nil {
		return err
	}
	if o.json || len(o.links) > 1 && !slices.Contains(o.links, st.Interface) {
		return nil
	}
	v.now = time.Now().Round(0)
	st.onWall(v.now)
	v.tell(st.asEvent(v))
	return v.flush(stdout)
}

// asEvent is how a link is, as if it had become so now.
func (st *linkStatus) asEvent(v *view) *eventLine {
	what, _ := v.headline(st)
	return &eventLine{Time: v.now, Interface: st.Interface, Netns: st.Netns, Event: st.State + ", " + what}
}

// tell writes a line for ev: one, for who looks for it.
func (v *view) tell(ev *eventLine) {
	head := v.clock(ev.Time, "15:04:05") + " "
	if ev.Interface != "" {
		head += v.clean(where(ev.Interface, ev.Netns)) + ": "
	}
	v.line(head + v.happened(ev))
}
