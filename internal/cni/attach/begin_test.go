package attach

import (
	"context"
	"net/netip"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
)

// A slowAgent is asked to serve, and does for as long as it is wanted.
type slowAgent struct {
	ended chan struct{}
	// drops is how often it was told to stop, and early that it was not asked then.
	drops int
	early bool
}

func (s *slowAgent) Serve(ctx context.Context, ns agent.Namespace, _ string, _ agent.Plan) (*lease.Lease, error) {
	defer close(s.ended)
	defer ns.Close()
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func (s *slowAgent) DropPlan(context.Context, string, agent.Plan, bool) error {
	s.drops++
	select {
	case <-s.ended:
	default:
		s.early = true
	}
	return nil
}

// A DEL that comes while an attachment of the agent before is about to be served, as
// one that has waited for the agent to begin, is the end of it.
func TestKeeper_DelWhileItBegins(t *testing.T) {
	const path = "/proc/self/ns/net"
	dir := t.TempDir()
	ns, err := cni.OpenNetns(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	r := &record{Version: recordVersion, ID: ns.ID(), Boot: lease.BootID(), Link: key.Interface, Granted: netip.MustParseAddr("192.0.2.10"),
		Request: cni.Request{Version: cni.Version, Command: cni.Add, Attachment: key, Netns: path, Limit: patience}}
	if err := fileFor(dir, key).save(r); err != nil {
		t.Fatal(err)
	}
	s := &slowAgent{ended: make(chan struct{})}
	k := New(Config{Agent: s, Dir: dir})
	if err := k.Load(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k.Begin(ctx)
	if _, err := k.Handle(t.Context(), &cni.Request{Version: cni.Version, Command: cni.Del, Attachment: key}); err != nil {
		t.Error(err)
	}
	if k.find(key) != nil || s.drops != 1 || s.early {
		t.Errorf("still there: %v; ended %d times, before it had begun: %v", k.find(key) != nil, s.drops, s.early)
	}
	cancel()
	k.Wait()
}
