package netcfg

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A shelf is where the clients that share a file keep what each has to say and
// what stood there before them.
type shelf interface {
	// read fails with os.ErrNotExist for what was never written.
	read(name string) ([]byte, error)
	write(name string, v any) error
	// remove does nothing if there is nothing.
	remove(name string) error
	// entries are the names of what links contribute.
	entries() ([]string, error)
}

// A dirShelf is a directory.
type dirShelf string

func (d dirShelf) read(name string) ([]byte, error) { return readLimited(d.path(name)) }
func (d dirShelf) write(name string, v any) error   { return writeJSON(d.path(name), v) }
func (d dirShelf) path(name string) string          { return filepath.Join(string(d), name) }

func (d dirShelf) remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (d dirShelf) entries() ([]string, error) {
	paths, err := filepath.Glob(d.path(entryPrefix + "*" + entrySuffix))
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths, err
}

// A memoryShelf serves the links of one process, where no directory can be made:
// in a container whose root is read-only and that has no other /run. What stood
// in the file before us goes along in it (content.kept), so that a client that
// dies leaves it to the next.
type memoryShelf map[string][]byte

// memory has a shelf for each directory that could not be made.
var memory struct {
	sync.Mutex
	shelves map[string]memoryShelf
}

// inMemory runs do with the shelf that stands for dir, while no other link of
// this process has it.
func inMemory(dir string, do func(shelf) error) error {
	memory.Lock()
	defer memory.Unlock()
	s, ok := memory.shelves[dir]
	if !ok {
		s = memoryShelf{}
		if memory.shelves == nil {
			memory.shelves = map[string]memoryShelf{}
		}
		memory.shelves[dir] = s
	}
	return do(s)
}

func (m memoryShelf) read(name string) ([]byte, error) {
	if b, ok := m[name]; ok {
		return b, nil
	}
	return nil, os.ErrNotExist
}

func (m memoryShelf) write(name string, v any) (err error) {
	m[name], err = json.Marshal(v)
	return err
}

func (m memoryShelf) remove(name string) error {
	delete(m, name)
	return nil
}

func (m memoryShelf) entries() (names []string, err error) {
	for name := range m {
		if strings.HasPrefix(name, entryPrefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

// noPlace says that a directory cannot be made, by any client that may do no more
// than we: nobody is there to share with.
func noPlace(err error) bool {
	for _, e := range []error{unix.EROFS, unix.EACCES, unix.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
