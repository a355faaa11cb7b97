package netcfg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A fileBackend writes resolv.conf together with other clients, each for its
// link. They meet in a directory, which holds what each link contributes, what
// stood in the file before the first of them, and what they wrote; whoever
// holds the lock there may change any of it, and the file.
type fileBackend struct {
	path     string
	stateDir string
	link     string
	metric   int
	log      *slog.Logger
	told     bool // that somebody else changed the file
}

// header is the first line of a file of ours, before the links.
const header = "# Written by dhclient-go for "

const (
	entryPrefix = "link-"
	entrySuffix = ".json"
	savedName   = "before.json"
	// maxStateFile bounds what is read from the directory.
	maxStateFile = 1 << 20
)

func (f *fileBackend) name() string { return f.path }

// An entry is what one link contributes.
type entry struct {
	settings
	link string
	// Metric orders the entries.
	Metric int `json:"metric"`
	// Until is when the lease ends, in CLOCK_BOOTTIME; 0 is never. The entry
	// of a client that died counts no longer then.
	Until time.Duration `json:"until,omitempty"`
}

// saved is what has to be remembered about the file.
type saved struct {
	// Before is what stood there.
	Before content `json:"before"`
	// Written are the texts that may stand there as ours: a client that dies
	// while it writes leaves the older of two.
	Written [][]byte `json:"written"`
}

// errStub says that a file is not ours to write.
var errStub = errors.New("it is a link to a file of systemd-resolved, and stays one while " + resolvedRun + " exists")

// writable fails if the file is a link to one of systemd-resolved. While that
// runs, or has yet to come up, it is the administrator's choice: to write the
// file would be undone by it, and to replace the link would end its use.
func (f *fileBackend) writable() error {
	if _, to := follow(f.path); to != toResolved {
		return nil
	}
	if _, err := os.Stat(resolvedRun); err != nil {
		return nil
	}
	return fmt.Errorf("write %s: %w", f.path, errStub)
}

func (f *fileBackend) set(ctx context.Context, s settings) error {
	if err := f.writable(); err != nil {
		return err // nothing is noted either
	}
	return f.locked(ctx, func(notes shelf) error {
		e := entry{settings: s, Metric: f.metric, Until: s.until}
		if err := notes.write(f.entryName(), e); err != nil {
			return fmt.Errorf("note name servers: %w", err)
		}
		return f.update(notes)
	})
}

func (f *fileBackend) unset(ctx context.Context) error {
	if _, err := os.Stat(f.dir()); errors.Is(err, os.ErrNotExist) {
		if have, err := readContent(f.path); err != nil || !have.ours() {
			return nil // nobody has ever set anything
		}
	}
	err := f.locked(ctx, func(notes shelf) error {
		if err := notes.remove(f.entryName()); err != nil {
			return fmt.Errorf("forget name servers: %w", err)
		}
		return f.update(notes)
	})
	if errors.Is(err, errStub) { // ours are gone from it; others' do not come back
		f.log.Warn("name servers of other links are not written", "err", err)
		return nil
	}
	return err
}

func (f *fileBackend) entryName() string { return entryPrefix + f.link + entrySuffix }

// dir is the directory for the file. A file that is mounted onto its path is
// told from those that other namespaces have there.
func (f *fileBackend) dir() string {
	key := f.path
	var st unix.Statx_t
	if mounted(f.path, &st) {
		key += fmt.Sprintf("@%d:%d:%d", st.Dev_major, st.Dev_minor, st.Ino)
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(key)) // a hash.Hash never fails
	return filepath.Join(f.stateDir, fmt.Sprintf("%s-%016x", filepath.Base(f.path), sum.Sum64()))
}

// locked runs do while it holds the lock. Where clients cannot meet there is only
// this process.
func (f *fileBackend) locked(ctx context.Context, do func(notes shelf) error) error {
	dir := f.dir()
	if err := os.MkdirAll(dir, 0o755); noPlace(err) {
		return inMemory(dir, do)
	} else if err != nil {
		return fmt.Errorf("share %s: %w", f.path, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o644)
	switch {
	case errors.Is(err, unix.EROFS):
		return inMemory(dir, do)
	case err != nil:
		return fmt.Errorf("share %s: %w", f.path, err)
	}
	defer lock.Close()
	for {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return do(dirShelf(dir))
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lock %s: %w", lock.Name(), context.Cause(ctx))
		case <-time.After(10 * time.Millisecond): // another client writes its few lines
		}
	}
}

// update makes the file what the entries say, or what it was if there are none.
func (f *fileBackend) update(notes shelf) error {
	entries, err := f.entries(notes)
	if err != nil {
		return err
	}
	have, err := readContent(f.path)
	if err != nil {
		return err
	}
	old, found := readSaved(notes)
	switch {
	case len(entries) == 0 && !found:
		return f.restoreKept(have)
	case len(entries) == 0:
		return f.restore(notes, have, old)
	}
	if err := f.writable(); err != nil {
		return err
	}
	if !found {
		old.Before = have.toRestore()
	}
	text := render(entries, old.Before)
	// What was there before may be there still: a client died before it wrote.
	if found && !old.wrote(have) && !have.is(old.Before) {
		if old.wrote(content{Kind: kindFile, Text: []byte(text)}) {
			if !f.told {
				f.log.Warn("file was changed by somebody else and is left so until the name servers change", "file", f.path)
			}
			f.told = true
			return nil
		}
		f.log.Warn("file was changed by somebody else, which is undone now and comes back at the end", "file", f.path)
		old.Before = have.toRestore()
		text = render(entries, old.Before)
	}
	return f.write(notes, have, old, text)
}

// write makes text the file's. First the note, then the file: if we die in
// between, either text is known as ours.
func (f *fileBackend) write(notes shelf, have content, old saved, text string) error {
	now := saved{Before: old.Before, Written: [][]byte{[]byte(text)}}
	if old.wrote(have) {
		if string(have.Text) == text {
			return nil
		}
		now.Written = append(now.Written, have.Text)
	}
	if err := notes.write(savedName, now); err != nil {
		return fmt.Errorf("note what %s was: %w", f.path, err)
	}
	if f.path == DefaultResolvConf {
		_ = os.Mkdir(filepath.Dir(f.path), 0o755) // a root may have none yet
	}
	if err := writeText(f.path, []byte(text), have.mode()); err != nil {
		return err
	}
	if !strings.Contains(text, "\n"+keptMark) {
		f.log.Warn("what stood in the file is too long to go along in it: if the host restarts now it is lost", "file", f.path)
	}
	f.told = false
	f.log.Debug("wrote name servers", "file", f.path)
	return nil
}

// restoreKept puts back what goes along in a file of ours from before the host
// was started.
func (f *fileBackend) restoreKept(have content) error {
	before, ok := have.kept()
	if !ok {
		return nil
	}
	return before.write(f.path)
}

// restore puts back what was there before the first client, unless somebody
// else has changed the file since.
func (f *fileBackend) restore(notes shelf, have content, old saved) error {
	switch {
	case old.wrote(have), have.is(old.Before) && !have.equal(old.Before):
		if err := old.Before.write(f.path); err != nil {
			return err
		}
	case !have.is(old.Before):
		f.log.Warn("file was changed by somebody else and is left so", "file", f.path)
	}
	if err := notes.remove(savedName); err != nil {
		return fmt.Errorf("forget what %s was: %w", f.path, err)
	}
	return nil
}

// wrote says that c is a text of ours.
func (s saved) wrote(c content) bool {
	return slices.ContainsFunc(s.Written, func(b []byte) bool { return c.is(content{Kind: kindFile, Text: b}) })
}

func readSaved(notes shelf) (s saved, found bool) {
	b, err := notes.read(savedName)
	if err != nil || json.Unmarshal(b, &s) != nil {
		return saved{}, false
	}
	return s, true
}

// entries are those of leases that last, the lowest metric first. Others, and
// what is no entry, are removed.
func (f *fileBackend) entries(notes shelf) ([]entry, error) {
	names, err := notes.entries()
	if err != nil {
		return nil, fmt.Errorf("list name servers: %w", err)
	}
	var out []entry
	for _, name := range names {
		var e entry
		b, err := notes.read(name)
		if err == nil {
			err = json.Unmarshal(b, &e)
		}
		e.link = strings.TrimSuffix(strings.TrimPrefix(name, entryPrefix), entrySuffix)
		if err == nil {
			err = checkInterface(e.link)
		}
		e.settings = e.settings.check()
		if err != nil || e.empty() || e.Until != 0 && e.Until <= lease.SinceBoot() {
			f.log.Debug("name servers of a client that is gone", "entry", name, "err", err)
			_ = notes.remove(name) // it counts no more in any case
			continue
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b entry) int {
		if a.Metric != b.Metric {
			return a.Metric - b.Metric
		}
		return strings.Compare(a.link, b.link)
	})
	return out, nil
}

// render is the file that entries make. Options that the administrator set are
// kept in force: they are not of the network. All that stood there before goes
// along as comments.
func render(entries []entry, before content) string {
	links, all := make([]string, len(entries)), make([]settings, len(entries))
	for i, e := range entries {
		links[i], all[i] = e.link, e.settings
	}
	text := header + strings.Join(links, ", ") + "; changes are lost with the next lease,\n" +
		"# and what stood here before comes back after the last one.\n" +
		merge(all).lines() + before.options()
	return text + before.comments(maxFile-len(text))
}
