package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
)

// noticeTime is how often systemd gets a new line at most.
const noticeTime = time.Second

// An agentNotice tells systemd how the agent is (sd_notify(3)). It is nil where
// nobody wants to know, and its methods do nothing then.
type agentNotice struct {
	systemd *daemon.Notifier
	a       *agency
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// begun says that the process is known to be ready, and due that a line will
	// be sent.
	begun, due bool
	timer      *time.Timer
}

func newAgentNotice(a *agency) *agentNotice {
	systemd := daemon.NewNotifier()
	if systemd == nil {
		return nil
	}
	n := &agentNotice{systemd: systemd, a: a}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// ready says that the agent has started, or that it has read its config file
// again: links come and go, and nobody waits for them.
func (n *agentNotice) ready() {
	if n == nil {
		return
	}
	if err := n.systemd.Ready(); err != nil {
		n.a.log.Error("systemd is not told that the agent is ready", "err", err)
	}
	n.mu.Lock()
	first := !n.begun
	n.begun = true
	n.mu.Unlock()
	n.event(client.Bound{})
	if first {
		n.running.Go(func() {
			n.systemd.Guard(n.ctx, n.a.alive, func(err error) { n.a.log.Error("the watchdog is not told that all is well", "err", err) })
		})
	}
}

// reloading says that the config file is read again.
func (n *agentNotice) reloading() {
	if n == nil {
		return
	}
	if err := n.systemd.Reloading(); err != nil {
		n.a.log.Debug(err.Error())
	}
}

// event has the line be sent soon, if ev can have changed it.
func (n *agentNotice) event(ev client.Event) {
	if n == nil {
		return
	}
	switch ev.(type) {
	case client.Ignored, client.Transition, client.Renewed:
		return
	default:
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.due && n.ctx.Err() == nil {
		n.due = true
		n.timer = time.AfterFunc(noticeTime, n.tell)
	}
}

// tell sends the line.
func (n *agentNotice) tell() {
	n.mu.Lock()
	n.due = false
	n.mu.Unlock()
	if err := n.systemd.Status(summary(n.a.lib.Links())); err != nil {
		n.a.log.Debug(err.Error())
	}
}

// summary is all links in a line.
func summary(all []agent.Status) string {
	leases, failing := 0, 0
	for i := range all {
		switch {
		case all[i].Lease != nil:
			leases++
		case all[i].Phase == agent.Resting:
			failing++
		}
	}
	text := fmt.Sprintf("%s, %d with a lease", several(uint64(len(all)), "link"), leases)
	if failing > 0 {
		text += fmt.Sprintf(", %d not served", failing)
	}
	return text
}

// stopping says that the end has begun.
func (n *agentNotice) stopping() {
	if n == nil {
		return
	}
	if err := n.systemd.Stopping(); err != nil {
		n.a.log.Debug(err.Error())
	}
}

// close ends what it runs.
func (n *agentNotice) close() {
	if n == nil {
		return
	}
	n.cancel()
	n.mu.Lock()
	if n.timer != nil {
		n.timer.Stop()
	}
	n.mu.Unlock()
	n.running.Wait()
}

// alive says whether each client that runs answers.
func (a *agency) alive(ctx context.Context) error {
	for _, b := range a.clients() {
		if err := b.link.client.Alive(ctx); err != nil && !isClosed(err) {
			return err
		}
	}
	return nil
}

// isClosed says that a client has ended meanwhile.
func isClosed(err error) bool { return errors.Is(err, client.ErrClosed) }
