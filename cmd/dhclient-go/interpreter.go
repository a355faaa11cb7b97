package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// checkInterpreter says of a program whose interpreter is missing that it is that:
// execve(2) says no more than that some file does not exist. What cannot be read, or
// is of another form, is left to the kernel.
func checkInterpreter(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	by := scriptInterpreter(f)
	if by == "" {
		by = elfInterpreter(f)
	}
	if by == "" {
		return nil
	}
	if _, err := os.Stat(by); errors.Is(err, fs.ErrNotExist) {
		return &startError{126, fmt.Errorf("%s, the interpreter of %s, does not exist", printable(by), path)}
	}
	return nil
}

// scriptInterpreter is that of a script, empty for none: the first word behind #!
// (execve(2)), in as much as the kernel reads of it.
func scriptInterpreter(f io.ReaderAt) string {
	head := make([]byte, 256) // BINPRM_BUF_SIZE
	n, _ := f.ReadAt(head, 0)
	line, ok := bytes.CutPrefix(head[:n], []byte("#!"))
	if !ok {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	word, _, _ := strings.Cut(strings.TrimLeft(string(line), " \t"), " ")
	word, _, _ = strings.Cut(word, "\t")
	return word
}

// elfInterpreter is the dynamic loader of a program of 64 bits (PT_INTERP, elf(5)),
// empty for none.
func elfInterpreter(f io.ReaderAt) string {
	const (
		headSize, entrySize = 64, 56
		interp              = 3 // PT_INTERP
		most                = 4096
	)
	head := make([]byte, headSize)
	if _, err := f.ReadAt(head, 0); err != nil || !bytes.HasPrefix(head, []byte("\x7fELF\x02")) {
		return ""
	}
	order := binary.NativeEndian
	at, size, count := order.Uint64(head[32:]), order.Uint16(head[54:]), order.Uint16(head[56:])
	if size != entrySize || at > 1<<40 {
		return ""
	}
	entry := make([]byte, entrySize)
	for i := range int64(min(count, 1024)) {
		if _, err := f.ReadAt(entry, int64(at)+i*entrySize); err != nil {
			return ""
		}
		if order.Uint32(entry) != interp {
			continue
		}
		offset, length := order.Uint64(entry[8:]), order.Uint64(entry[32:])
		if offset > 1<<40 || length > most {
			return ""
		}
		name := make([]byte, length)
		if _, err := f.ReadAt(name, int64(offset)); err != nil {
			return ""
		}
		text, _, _ := bytes.Cut(name, []byte{0})
		return string(text)
	}
	return ""
}
