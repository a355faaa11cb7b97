package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/inherit"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// evidence is where clients that have ended say what they got.
type evidence struct {
	// leases is the folder of a client that had no other yet, klibc that of the
	// files of its ipconfig, and kernel what ip=dhcp leaves.
	leases, klibc, kernel string
}

// places is where it is on a host.
var places = evidence{leases: defaultControlDir + "/leases", klibc: "/run", kernel: "/proc/net/pnp"}

// A witness says of an address that is on a link which lease it was given by; nil
// if it knows nothing.
type witness struct {
	name string
	say  func(netcfg.Found) (*lease.Lease, error)
	// sets says that it is of who sets addresses without an end, and default
	// routes as by hand. A lease of ours is none: what an administrator has
	// made of its address stays his.
	sets bool
}

// testify looks whether an address of the link was got by DHCP, by whomever. If so
// its lease is what the client goes on from: a server is asked for it before
// anything is changed. Without evidence an address is an administrator's, and a
// permanent one without that of who sets such.
func (f *fleet) testify(b *berth, config *client.Config, on *netcfg.Link, l *link, now lease.LinkState) {
	log := f.log.With("if", l.name)
	found, err := on.Found()
	if err != nil {
		log.Warn("it is not known what another client has left", "err", err)
		return
	}
	var known netip.Addr // the address whose lease is known
	for _, w := range b.witnesses(config.LeaseStore, now, log) {
		for _, a := range found {
			got := w.lease(a, now, log)
			switch {
			case got == nil || l.left && got.Address != known:
				continue
			case !l.left:
				logFound(log, w.name, a)
				l.left, known = true, got.Address
				config.LeaseStore = foundStore{config.LeaseStore, got}
			}
			if w.sets {
				on.Adopt(a)
				return
			}
		}
	}
}

// lease is that of an address, if the witness knows one that holds on this link.
func (w witness) lease(a netcfg.Found, now lease.LinkState, log *slog.Logger) *lease.Lease {
	got, err := w.say(a)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		log.Warn("what another client has left is not used", "of", w.name, "err", err)
		return nil
	case got == nil || got.Address != a.Address.Addr() || got.Bits != 0 && got.Bits != a.Address.Bits():
		return nil
	case got.HardwareAddr != now.HardwareAddr || got.Expired(lease.Now()):
		return nil
	}
	return got
}

func logFound(log *slog.Logger, by string, a netcfg.Found) {
	args := []any{"address", a.Address, "by", by}
	if a.Router.IsValid() {
		args = append(args, "router", a.Router)
	}
	log.Info("an address that is on the link is gone on with", args...)
}

// witnesses are those that are asked, the best informed first.
func (b *berth) witnesses(own client.LeaseStore, now lease.LinkState, log *slog.Logger) []witness {
	from := b.o.evidence
	stored := func(s client.LeaseStore, err error) func(netcfg.Found) (*lease.Lease, error) {
		return func(netcfg.Found) (*lease.Lease, error) {
			if err != nil {
				return nil, err
			}
			return s.Load(context.Background())
		}
	}
	first := witness{name: "the lease file", say: stored(own, nil)}
	if b.o.netns != nil {
		return []witness{first} // what was said at boot is of the host's own links
	}
	early, err := lease.NewDir(from.leases, now.Name)
	return []witness{
		first,
		{name: from.leases, say: stored(early, err)},
		{name: "ipconfig", sets: true, say: func(a netcfg.Found) (*lease.Lease, error) {
			text, err := readEvidence(filepath.Join(from.klibc, "net-"+now.Name+".conf"))
			if err != nil {
				return nil, err
			}
			return byIPConfig(text, now, log)
		}},
		{name: "ip=dhcp", sets: true, say: func(a netcfg.Found) (*lease.Lease, error) { return b.byKernel(a, now, log) }},
	}
}

// byIPConfig is what klibc's ipconfig says.
func byIPConfig(text []byte, now lease.LinkState, log *slog.Logger) (*lease.Lease, error) {
	r, err := inherit.Klibc(text, now.Name)
	if errors.Is(err, inherit.ErrBOOTP) {
		logBOOTP(log, "ipconfig")
	}
	if errors.Is(err, inherit.ErrNotDHCP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("net-%s.conf: %w", now.Name, err)
	}
	return r.Lease(now.HardwareAddr), nil
}

// byKernel is what the kernel says, which does not name the link: it is the only
// one with a permanent address.
func (b *berth) byKernel(a netcfg.Found, now lease.LinkState, log *slog.Logger) (*lease.Lease, error) {
	text, err := readEvidence(b.o.evidence.kernel)
	if err == nil && a.Permanent && inherit.KernelBOOTP(text) {
		logBOOTP(log, "ip=bootp")
	}
	if err != nil || !inherit.KernelDHCP(text) || !a.Permanent {
		return nil, err
	}
	on, err := b.ns.PermanentOn()
	if err != nil || !slices.Equal(on, []int{now.Index}) {
		return nil, err
	}
	r := inherit.Record{Address: a.Address.Addr(), Bits: a.Address.Bits(), Router: a.Router}
	return r.Lease(now.HardwareAddr), nil
}

// logBOOTP says why an address that was got at boot is not taken over: it is as good
// as an administrator's.
func logBOOTP(log *slog.Logger, by string) {
	log.Warn("an address is from BOOTP and has no end; it stays as it is", "by", by)
}

// readEvidence reads a file, and nothing that takes its place.
func readEvidence(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	b, err := io.ReadAll(io.LimitReader(file, inherit.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

// A foundStore is a store of which the first lease is another: one that is on the
// link.
type foundStore struct {
	client.LeaseStore
	found *lease.Lease
}

// Load returns that lease.
func (s foundStore) Load(context.Context) (*lease.Lease, error) { return s.found, nil }
