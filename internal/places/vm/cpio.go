package vm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// An Image is an initramfs: a cpio archive as the kernel reads it
// (Documentation/driver-api/early-userspace/buffer-format.rst).
type Image struct {
	archive bytes.Buffer
	entries uint32
	made    []string // the directories
}

// The types of entries that an image has; the other bits of a mode are the
// rights.
const (
	typeDir     = 0o040000
	typeChar    = 0o020000
	typeFile    = 0o100000
	typeSymlink = 0o120000
)

// NewImage has a /dev/console, which the kernel opens for the first process
// before anything can mount a /dev.
func NewImage() *Image {
	m := &Image{}
	m.Dir("dev")
	m.add("dev/console", typeChar|0o600, nil, 5, 1)
	return m
}

// Dir adds a directory, and those that it is in.
func (m *Image) Dir(path string) {
	path = strings.Trim(path, "/")
	if path == "" || slices.Contains(m.made, path) {
		return
	}
	m.Dir(parent(path))
	m.made = append(m.made, path)
	m.add(path, typeDir|0o755, nil, 0, 0)
}

// File adds a file with these rights, and the directories that it is in.
func (m *Image) File(path string, rights uint32, content []byte) {
	path = strings.Trim(path, "/")
	m.Dir(parent(path))
	m.add(path, typeFile|rights, content, 0, 0)
}

// Symlink adds a symbolic link to target, and the directories that it is in.
func (m *Image) Symlink(path, target string) {
	path = strings.Trim(path, "/")
	m.Dir(parent(path))
	m.add(path, typeSymlink|0o777, []byte(target), 0, 0)
}

// Bytes is the archive, at any time.
func (m *Image) Bytes() []byte {
	whole := Image{archive: *bytes.NewBuffer(slices.Clone(m.archive.Bytes())), entries: m.entries}
	whole.add("TRAILER!!!", 0, nil, 0, 0)
	return whole.archive.Bytes()
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}

// add writes one entry: 13 numbers of eight digits behind a magic, the name with
// a NUL, the content. Name and content end at a multiple of four.
func (m *Image) add(name string, mode uint32, content []byte, major, minor uint32) {
	m.entries++
	const owner, group, links, time, device, check = 0, 0, 1, 0, 0, 0
	m.archive.WriteString("070701")
	for _, n := range []uint32{
		m.entries, mode, owner, group, links, time, uint32(len(content)),
		device, device, major, minor, uint32(len(name) + 1), check,
	} {
		fmt.Fprintf(&m.archive, "%08x", n)
	}
	m.archive.WriteString(name + "\x00")
	m.pad()
	m.archive.Write(content)
	m.pad()
}

func (m *Image) pad() {
	for m.archive.Len()%4 != 0 {
		m.archive.WriteByte(0)
	}
}
