package attach

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/cni"
)

const (
	// recordVersion is that of the file; another is not read.
	recordVersion = 1
	// maxRecord is the largest file that is read, in octets.
	maxRecord = 1 << 20
	// recordFile is its name, and leaseName that of the lease beside it.
	recordFile = "attachment"
	leaseName  = "lease"
)

// A record is what is known of an attachment, also by the next agent.
type record struct {
	Version int `json:"version"`
	// Request is what it was added by; its name of the link may be old.
	Request cni.Request `json:"request"`
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
}

// A folder is where an attachment is kept: its name says nothing but which it is,
// and holds no octet that came from anybody.
type folder struct{ path string }

func folderFor(dir string, a cni.Attachment) folder {
	return folder{filepath.Join(dir, hashOf(a))}
}

// hashOf tells attachments apart, in 32 hexadecimal digits.
func hashOf(a cni.Attachment) string {
	sum := sha256.Sum256([]byte(a.Network + "\x00" + a.Container + "\x00" + a.Interface))
	return hex.EncodeToString(sum[:16])
}

// lease is the store of the attachment's lease.
func (f folder) lease() (*lease.Dir, error) { return lease.NewDir(f.path, leaseName) }

// remove forgets the attachment.
func (f folder) remove() error { return os.RemoveAll(f.path) }

// save writes the record, and makes the folder if it is missing.
func (f folder) save(r *record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the attachment: %w", err)
	}
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return err
	}
	return lease.ReplaceFile(filepath.Join(f.path, recordFile), append(b, '\n'))
}

// load reads the record. Links and devices are not followed or opened.
func (f folder) load() (*record, error) {
	path := filepath.Join(f.path, recordFile)
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	st, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular() || st.Size() > maxRecord:
		return nil, fmt.Errorf("%s is no file of %d octets at most", path, maxRecord)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxRecord))
	if err != nil {
		return nil, err
	}
	r, err := parseRecord(b)
	if err == nil && folderFor(filepath.Dir(f.path), r.Request.Attachment) != f {
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

// folders are those of all attachments in dir.
func folders(dir string) ([]folder, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []folder
	for _, e := range entries {
		if b, bad := hex.DecodeString(e.Name()); bad == nil && len(b) == 16 && e.IsDir() {
			all = append(all, folder{filepath.Join(dir, e.Name())})
		}
	}
	return all, err
}

// leaseOver says that the lease in the folder has ended, or that there is none.
func (f folder) leaseOver() bool {
	store, err := f.lease()
	if err != nil {
		return true
	}
	l, err := store.Load(context.Background())
	return err != nil || l == nil || l.Expired(lease.Now())
}
