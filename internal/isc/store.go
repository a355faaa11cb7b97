package isc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// maxOld is how many leases of other addresses are kept for an interface.
const maxOld = 8

// maxBlock is the longest text of a lease that has its note: one of the longest
// message is shorter.
const maxBlock = maxFile - maxComposed

// StoreConfig says what a Store keeps where.
type StoreConfig struct {
	// Path is the lease file.
	Path string
	// Interface is whose lease is kept. Those of others stay as they are.
	Interface string
	// Options are those that have names; nil for the standard ones.
	Options *option.Table
	// Decode makes the lease of a block that dhclient wrote; nil loads none of
	// those.
	Decode Decoder
	// Adopt gives such a lease the HardwareAddr and ClientID of the client,
	// without which the client does not use it: dhclient keeps neither, and
	// uses its leases with any. Nil gives none.
	Adopt func(*lease.Lease)
	// Logger gets what is wrong with the file; nil for nobody.
	Logger *slog.Logger
}

// A Store keeps the lease of one interface in a dhclient.leases, as dhclient
// writes it, together with what dhclient does not keep: see note. It is a
// client.LeaseStore.
//
// Each Save replaces the file by a new one that has the leases of others, those
// of this interface for other addresses that have not expired, and the new
// lease as the last. So the file is always whole, and no larger than needed.
// Where no file can be made beside it, or it is a mount of its own, it is
// appended to, and written anew when that has made it large.
type Store struct {
	cfg  StoreConfig
	file leaseFile
	// The clocks, replaced in tests.
	now       func() time.Time
	wall      func() time.Time
	sinceBoot func() time.Duration
	bootID    func() string
}

// NewStore returns the store of an interface. It fails for an interface that
// has no name or a file that has none.
func NewStore(cfg StoreConfig) (*Store, error) {
	if cfg.Interface == "" || len(cfg.Interface) > 64 || cfg.Path == "" {
		return nil, fmt.Errorf("lease file: %q of interface %q is not one", cfg.Path, cfg.Interface)
	}
	if cfg.Options == nil {
		cfg.Options = &option.Table{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Store{
		cfg: cfg, file: leaseFile{path: cfg.Path},
		now: lease.Now, wall: time.Now, sinceBoot: lease.SinceBoot, bootID: lease.BootID,
	}, nil
}

// Load returns the last lease of the interface, with Start on the time line of
// lease.Now; nil if there is none. It may have expired.
func (s *Store) Load(context.Context) (*lease.Lease, error) {
	f, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("lease file: %w", err)
	}
	for _, w := range f.Warnings {
		s.cfg.Logger.Warn("lease file", "problem", w.String())
	}
	b := f.Newest(s.cfg.Interface)
	if b == nil || b.Bootp {
		return nil, nil
	}
	if n := b.readNote(); n != nil {
		l := n.Lease
		if id := s.bootID(); id != "" && id == n.BootID {
			// The same boot: CLOCK_BOOTTIME knows, whatever the wall
			// clock says.
			l.Start = s.now().Add(time.Duration(n.BootTime) - s.sinceBoot())
		}
		return l, nil
	}
	if s.cfg.Decode == nil || b.Expire.IsZero() && !b.Never {
		return nil, nil
	}
	l, err := b.Lease(s.wall(), s.cfg.Decode)
	if err != nil {
		return nil, fmt.Errorf("lease file %s:%d: %w", s.cfg.Path, b.line, err)
	}
	if s.cfg.Adopt != nil {
		s.cfg.Adopt(l)
	}
	return l, nil
}

// Save makes l the last lease of the interface, or forgets all of them if l is
// nil. Whenever the process is killed, the file is the old or the new one.
func (s *Store) Save(_ context.Context, l *lease.Lease) error {
	unlock := s.file.lock()
	defer unlock()
	f := s.readable()
	var last []byte
	var addr netip.Addr
	if l != nil {
		var err error
		if last, err = s.block(l); err != nil {
			return fmt.Errorf("lease file: %w", err)
		}
		addr = l.Address
	}
	if err := s.file.write(compose(f.DUID, s.others(f, addr), last), last); err != nil {
		return fmt.Errorf("write lease file: %w", err)
	}
	return nil
}

// DUID returns the identifier that the file holds. If it holds none, fresh is
// kept there, and returned; nil keeps nothing.
func (s *Store) DUID(fresh []byte) ([]byte, error) {
	unlock := s.file.lock()
	defer unlock()
	f := s.readable()
	if f.DUID != nil || fresh == nil {
		return f.DUID, nil
	}
	var all []string
	for _, b := range f.Blocks {
		all = append(all, f.text(b))
	}
	whole := compose(fresh, append(f.other, all...), nil)
	if err := s.file.write(whole, appendDUID(nil, fresh)); err != nil {
		return fresh, fmt.Errorf("keep DUID: %w", err)
	}
	return fresh, nil
}

// ReadDUID returns the identifier in another lease file, which is -df of
// dhclient(8); nil if there is none.
func ReadDUID(path string) ([]byte, error) {
	file := leaseFile{path: path}
	src, err := file.read()
	if err != nil || src == nil {
		return nil, err
	}
	f, err := ParseLeases(path, src, &option.Table{})
	if err != nil {
		return nil, err
	}
	return f.DUID, nil
}

// read parses the file; one that does not exist is empty.
func (s *Store) read() (*Leases, error) {
	src, err := s.file.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return ParseLeases(s.cfg.Path, src, s.cfg.Options)
}

// readable is what of the file is to be kept: nothing of one that is not ours
// to read.
func (s *Store) readable() *Leases {
	f, err := s.read()
	if err != nil {
		s.cfg.Logger.Warn("lease file is replaced", "problem", err)
		return &Leases{}
	}
	return f
}

// block is the text of a lease.
func (s *Store) block(l *lease.Lease) ([]byte, error) {
	age := s.now().Sub(l.Start)
	stored := *l
	// The wall clock may have been set since the process started.
	stored.Start = s.wall().Round(0).UTC().Add(-age)
	n := &note{noteVersion, s.bootID(), int64(s.sinceBoot() - age), &stored}
	b, err := appendLease(nil, s.cfg.Interface, &stored, s.cfg.Options, n)
	if err == nil && len(b) > maxBlock {
		s.cfg.Logger.Warn("lease is too long for its note", "octets", len(b))
		return appendLease(nil, s.cfg.Interface, &stored, s.cfg.Options, nil)
	}
	return b, err
}
