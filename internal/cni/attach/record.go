package attach

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
)

const (
	// recordVersion is that of the file; another is not read.
	recordVersion = 1
	// maxRecord is the largest file that is read, in octets.
	maxRecord = 1 << 20
	// recordSuffix is what its name ends with.
	recordSuffix = ".attachment"
)

// A record is what is known of an attachment, also by the next agent.
type record struct {
	Version int `json:"version"`
	// Request is what it was added by; its name of the link may be old.
	Request cni.Request `json:"request"`
	// ID is which namespace its path meant.
	ID cni.NetnsID `json:"netns_id"`
	// Seen says that the agent has seen it there.
	Seen bool `json:"seen,omitempty"`
	// Boot is that of the kernel (lease.BootID): the namespaces of another are
	// gone, whatever their numbers.
	Boot string `json:"boot"`
	// Link is the name that the link has by now.
	Link string `json:"link"`
	// Granted is the address that the runtime was given; not valid until then.
	Granted netip.Addr `json:"granted,omitzero"`
	// Gateway is that of the default route that went with it; the zero Addr for none.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// Ours says that the address was taken off the link for want of a lease, and
	// that the next one is put on by the agent.
	Ours bool `json:"ours,omitempty"`
	// Taken says that another program has taken the address off the link before
	// its lease was over: that is not to be undone.
	Taken bool `json:"taken,omitempty"`
}

// isGone says that the namespace, which was at its path, is not there any more: the
// container has ended. That its sockets hold the namespace open is all that keeps it.
func (r *record) isGone() bool {
	if !r.Seen {
		return false // as where no mount of a runtime is seen, or nobody may look
	}
	id, err := cni.NetnsAt(r.Request.Netns)
	return errors.Is(err, fs.ErrNotExist) || err == nil && id != r.ID
}

// A file is where an attachment is kept, and beside it its lease: the names say
// nothing but which it is, and hold no octet that came from anybody.
type file struct{ dir, name string }

func fileFor(dir string, a cni.Attachment) file { return file{dir, hashOf(a)} }

// hashOf tells attachments apart, in 32 hexadecimal digits. Their names are root's,
// who has no reason to look for two with one hash; package crypto/sha256 would make
// the program larger by a tenth.
func hashOf(a cni.Attachment) string {
	sum := fnv.New128a()
	for _, name := range []string{a.Network, a.Container, a.Interface} {
		_, _ = sum.Write(append([]byte(name), 0)) // it never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// path is that of the record.
func (f file) path() string { return filepath.Join(f.dir, f.name+recordSuffix) }

// lease is the store of the attachment's lease.
func (f file) lease() (*lease.Dir, error) { return lease.NewDir(f.dir, f.name) }

// remove forgets the attachment: the lease first, without which the record means
// nothing.
func (f file) remove() error {
	store, err := f.lease()
	if err != nil {
		return err
	}
	for _, path := range []string{store.File(), f.path()} {
		if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// save writes the record, and makes the directory if it is missing.
func (f file) save(r *record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the attachment: %w", err)
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	return lease.ReplaceFile(f.path(), append(b, '\n'))
}

// load reads the record. Links and devices are not followed or opened.
func (f file) load() (*record, error) {
	path := f.path()
	on, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = on.Close() }()
	st, err := on.Stat()
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular() || st.Size() > maxRecord:
		return nil, fmt.Errorf("%s is no file of %d octets at most", path, maxRecord)
	}
	b, err := io.ReadAll(io.LimitReader(on, maxRecord))
	if err != nil {
		return nil, err
	}
	r, err := parseRecord(b)
	if err == nil && hashOf(r.Request.Attachment) != f.name {
		err = errors.New("it is of another attachment")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// parseRecord reads a record, which anybody may have written: the request in it is
// checked like one that has just come.
func parseRecord(b []byte) (*record, error) {
	var raw struct {
		record
		Request json.RawMessage `json:"request"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, err
	}
	r := raw.record
	if r.Version != recordVersion {
		return nil, fmt.Errorf("it has version %d, not %d", r.Version, recordVersion)
	}
	request, err := cni.Decode(raw.Request)
	if err != nil {
		return nil, err
	}
	r.Request = *request
	// Another name is checked like the first.
	now := r.Request.Attachment
	now.Interface = r.Link
	switch {
	case r.Request.Command != cni.Add:
		return nil, fmt.Errorf("%q has made no attachment", r.Request.Command)
	case now.Check() != nil:
		return nil, fmt.Errorf("%.40q cannot be the name of a link", r.Link)
	case r.Granted.IsValid() && !lease.UsableAddr(r.Granted):
		return nil, fmt.Errorf("%v is no address that a link could have", r.Granted)
	case r.Gateway.IsValid() && !r.Gateway.Is4():
		return nil, fmt.Errorf("%v is no gateway", r.Gateway)
	}
	return &r, nil
}

// files are those of all attachments in dir.
func files(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []file
	for _, e := range entries {
		name, ours := strings.CutSuffix(e.Name(), recordSuffix)
		if b, bad := hex.DecodeString(name); ours && bad == nil && len(b) == 16 {
			all = append(all, file{dir, name})
		}
	}
	return all, err
}

// leaseOver says that its lease has ended, or will within that time, or that there is
// none.
func (f file) leaseOver(within time.Duration) bool {
	store, err := f.lease()
	if err != nil {
		return true
	}
	l, err := store.Load(context.Background())
	return err != nil || l == nil || l.Remaining(lease.Now()) <= within
}
