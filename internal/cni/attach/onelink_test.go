package attach

import (
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A link has one lease: who adds it again as another container's, or for another
// network, has it. What was there before is given back, and a late DEL of that is not
// the end of the other.
func TestAttachment_TwoOfOneLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	first := s.add()
	s.set(first)
	s.isLimited(first.Address.Addr())
	r := s.request(cni.Add)
	r.Attachment.Container = "c2"
	second, err := s.keeper.Handle(t.Context(), r)
	if err != nil {
		t.Fatalf("ADD of the second: %v", err)
	}
	if s.has(first.Address.Addr()) {
		t.Error("the address of the first is on the link, and leased no more")
	}
	if !s.log.has("message=RELEASE") {
		t.Error("the lease of the first was not given back")
	}
	if err := s.handle(s.request(cni.Del)); err != nil {
		t.Errorf("DEL of the first: %v", err)
	}
	s.set(second)
	s.isLimited(second.Address.Addr())
	check := s.request(cni.Check)
	check.Attachment.Container = "c2"
	if err := s.handle(check); err != nil {
		t.Errorf("CHECK of the second after DEL of the first: %v", err)
	}
	s.server.WaitLease(t, second.Address.Addr(), true)
}
