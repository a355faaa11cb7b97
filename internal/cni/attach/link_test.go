package attach

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// The life of an attachment: the address is the plugin's to set, ends with its
// lease from then on, and is given back by DEL.
func TestAttachment_Life(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	g := s.add()
	if g.Address.Addr().Compare(firstAddr) < 0 || g.Address.Bits() != 24 || g.Gateway != serverAddr.Addr() {
		t.Fatalf("granted: %+v", g)
	}
	if s.has(g.Address.Addr()) {
		t.Fatal("the address is on the link, and the plugin could not set it")
	}
	if err := s.handle(s.request(cni.Check)); !isCode(err, cni.NoAddress) {
		t.Errorf("CHECK before the address is set: %v", err)
	}
	if again := s.add(); again.Address != g.Address {
		t.Errorf("a second ADD: %v", again)
	}
	s.set(g)
	s.isLimited(g.Address.Addr())
	if routes := s.box.IP(t, "route"); strings.Contains(routes, "proto dhcp") {
		t.Errorf("routes were set beside the plugin's:\n%s", routes)
	}
	if err := s.handle(s.request(cni.Check)); err != nil {
		t.Errorf("CHECK: %v", err)
	}
	lease := s.server.WaitLease(t, g.Address.Addr(), true)
	if want := "\x00c1/lan/eth0"; string(lease.ClientID) != want {
		t.Errorf("client id %q, want %q", lease.ClientID, want)
	}
	for range 2 {
		if err := s.handle(s.request(cni.Del)); err != nil {
			t.Errorf("DEL: %v", err)
		}
	}
	s.server.WaitLease(t, g.Address.Addr(), false)
	if s.has(g.Address.Addr()) {
		t.Error("the address is on the link, and leased no more")
	}
	if err := s.handle(s.request(cni.Check)); !isCode(err, cni.NotAttached) {
		t.Errorf("CHECK after DEL: %v", err)
	}
	s.isEmpty()
}

func isCode(err error, code cni.Code) bool {
	e := (*cni.Error)(nil)
	return errors.As(err, &e) && e.Code == code
}

// The next agent goes on from the lease; the address stays on the link all along.
func TestAttachment_SurvivesTheAgent(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	g := s.add()
	s.set(g)
	s.isLimited(g.Address.Addr())
	watch := nettest.CaptureSent(t, s.box, "eth0")
	s.stop()
	if !s.has(g.Address.Addr()) {
		t.Fatal("the address has gone with the agent")
	}
	s.start()
	s.eventually("CHECK that is content", func() bool { return s.handle(s.request(cni.Check)) == nil })
	if got := s.addresses(); strings.Count(got, "inet ") != 1 || !s.has(g.Address.Addr()) {
		t.Errorf("addresses: %s", got)
	}
	for _, f := range watch.Frames() {
		if m := f.DHCP; m != nil && m.MessageType().String() == "DISCOVER" {
			t.Error("it has asked for another lease")
		}
	}
	if err := s.handle(s.request(cni.Del)); err != nil {
		t.Error(err)
	}
	s.server.WaitLease(t, g.Address.Addr(), false)
}

// mount has the container's namespace at a path of its own, as a runtime has it, and
// returns what takes that away.
func (s *site) mount() (remove func()) {
	s.t.Helper()
	s.path = filepath.Join(s.t.TempDir(), "netns")
	if err := os.WriteFile(s.path, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := unix.Mount("/run/netns/"+s.box.Name, s.path, "", unix.MS_BIND, ""); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		s.t.Helper()
		if err := errors.Join(unix.Unmount(s.path, unix.MNT_DETACH), os.Remove(s.path)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A namespace that has gone while no agent ran is forgotten.
func TestAttachment_NamespaceGone(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	remove := s.mount()
	r := s.request(cni.Del)
	s.set(s.add())
	s.stop()
	remove()
	s.start()
	s.isEmpty()
	if err := s.handle(r); err != nil {
		t.Errorf("DEL: %v", err)
	}
	if !s.log.has("is gone") {
		t.Error("the log does not say so")
	}
}

// A container that ends without DEL: the agent's sockets hold its namespace open, so
// the lease is given back at the next renewal. Until then it is as it was.
func TestAttachment_NamespaceRemoved(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	remove := s.mount()
	g := s.add()
	s.set(g)
	s.isLimited(g.Address.Addr())
	s.keeper.find(key).client.Renew()
	s.eventually("renewal", func() bool { return s.log.has("msg=renewed") })
	if s.keeper.find(key) == nil {
		t.Fatal("it was ended while the container lived")
	}
	remove()
	s.keeper.find(key).client.Renew()
	s.server.WaitLease(t, g.Address.Addr(), false)
	s.eventually("end of it", func() bool { return s.keeper.find(key) == nil })
	s.isEmpty()
}

// An address that another program takes away, as what makes the link a virtual
// machine's does, is not put back, nor is the next one put on.
func TestAttachment_AddressTakenAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	g := s.add()
	s.set(g)
	s.isLimited(g.Address.Addr())
	s.box.IP(t, "address", "flush", "dev", "eth0")
	if err := s.handle(s.request(cni.Check)); !isCode(err, cni.NoAddress) {
		t.Errorf("CHECK: %v", err)
	}
	s.eventually("note of it", func() bool { return s.keeper.find(key).now().Taken })
	if s.keeper.find(key).lease() == nil {
		t.Error("the lease is lost")
	}
	other := s.refuse(g.Address.Addr())
	s.eventually("lease of the other address", func() bool {
		l := s.keeper.find(key).lease()
		return l != nil && l.Address == other
	})
	if got := s.addresses(); got != "" {
		t.Errorf("addresses: %s", got)
	}
}

// A server that refuses the lease: the address goes, and another comes, with
// routes. The link stays up.
func TestAttachment_Refused(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	g := s.add()
	s.set(g)
	s.isLimited(g.Address.Addr())
	other := s.refuse(g.Address.Addr())
	s.eventually("other address", func() bool { return s.has(other) && !s.has(g.Address.Addr()) })
	s.eventually("default route", func() bool { return strings.Contains(s.box.IP(t, "route"), "default via 192.0.2.1 ") })
	if routes := s.box.IP(t, "route"); strings.Count(routes, "default") != 1 {
		t.Errorf("routes:\n%s", routes)
	}
	if err := s.handle(s.request(cni.Check)); err != nil {
		t.Errorf("CHECK: %v", err)
	}
	if !strings.Contains(s.box.IP(t, "link", "show", "dev", "eth0"), ",UP") {
		t.Error("the link is down")
	}
	if err := s.handle(s.request(cni.Del)); err != nil {
		t.Error(err)
	}
	s.server.WaitLease(t, other, false)
}

// GC ends what the runtime does not name, of this network only.
func TestAttachment_GC(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	g := s.add()
	s.set(g)
	other, valid := s.request(cni.GC), s.request(cni.GC)
	other.Attachment.Network = "other"
	valid.Valid = []cni.Attachment{{Container: key.Container, Interface: key.Interface}}
	for _, r := range []*cni.Request{other, valid} {
		if err := s.handle(r); err != nil || s.keeper.find(key) == nil {
			t.Fatalf("%v: %v", r, err)
		}
	}
	if err := s.handle(s.request(cni.GC)); err != nil || s.keeper.find(key) != nil {
		t.Errorf("GC: %v", err)
	}
	s.server.WaitLease(t, g.Address.Addr(), false)
}

// An ADD without an answer says why, and leaves nothing.
func TestAttachment_NoServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	s.server.Stop(t)
	r := s.request(cni.Add)
	r.Limit = cni.MinLimit
	err := s.handle(r)
	if !isCode(err, cni.TryAgain) || !strings.Contains(err.Error(), "no server answered") {
		t.Errorf("ADD: %v", err)
	}
	s.isEmpty()
	r = s.request(cni.Add)
	r.Attachment.Interface = "net7"
	if err := s.handle(r); !isCode(err, cni.BadVariable) || !strings.Contains(err.Error(), "CNI_IFNAME") {
		t.Errorf("ADD of a link that there is not: %v", err)
	}
	s.isEmpty()
}

// A plugin that fails when it has the address has it given back at once.
func TestAttachment_NeverSet(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	g := s.add()
	s.server.WaitLease(t, g.Address.Addr(), true)
	if err := s.handle(s.request(cni.Del)); err != nil {
		t.Error(err)
	}
	s.server.WaitLease(t, g.Address.Addr(), false)
	if got := s.addresses(); got != "" {
		t.Errorf("addresses: %s", got)
	}
	s.isEmpty()
}

// A link that is deleted before DEL: nothing is left that waits for it.
func TestAttachment_LinkDeleted(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	s.set(s.add())
	s.box.IP(t, "link", "del", "dev", "eth0")
	s.eventually("end of it", func() bool {
		_, err := os.Stat(fileFor(s.dir, key).path())
		return s.keeper.find(key) == nil && err != nil
	})
	if err := s.handle(s.request(cni.Del)); err != nil {
		t.Errorf("DEL: %v", err)
	}
}

// A lease that ends while no agent runs: the kernel takes the address off, and the
// next agent gets another lease and puts it on.
func TestAttachment_LeaseOverMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{Lease: 3 * time.Second})
	defer s.log.show()
	g := s.add()
	s.set(g)
	s.isLimited(g.Address.Addr())
	s.stop()
	s.eventually("end of the address", func() bool { return s.addresses() == "" })
	s.start()
	s.eventually("address", func() bool { return s.handle(s.request(cni.Check)) == nil })
	if routes := s.box.IP(t, "route"); !strings.Contains(routes, "default via 192.0.2.1 ") {
		t.Errorf("routes:\n%s", routes)
	}
}

// A lease that is lost between the answer to ADD and the plugin's doing: what the
// plugin sets then is taken off.
func TestAttachment_SetTooLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Options{})
	defer s.log.show()
	g := s.add()
	other := s.refuse(g.Address.Addr())
	s.eventually("other address", func() bool { return s.has(other) })
	s.box.IP(t, "address", "add", g.Address.String(), "dev", "eth0")
	s.eventually("end of the old address", func() bool { return s.has(other) && !s.has(g.Address.Addr()) })
	if err := s.handle(s.request(cni.Check)); err != nil {
		t.Errorf("CHECK: %v", err)
	}
}
