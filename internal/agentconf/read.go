package agentconf

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxFile is the largest config file, in octets.
const maxFile = 1 << 20

// Read reads the config file at path. Nobody else may be able to write to it than
// root and the user of this process: the file names programs to run, and who
// could change it could have his own run, as root. sudo(8) and cron(8) refuse
// such files for that reason. A group may write to it if it is root's.
//
// The error has an *Error for each thing that is wrong.
func Read(path string) (*File, error) {
	text, err := load(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

func load(path string) ([]byte, error) {
	// A FIFO would wait for who writes to it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, refusal(path, err)
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return nil, refusal(path, err)
	}
	if problem := unfit(st); problem != "" {
		return nil, &Error{Path: path, Problem: problem}
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(f, maxFile+1)); err != nil {
		return nil, refusal(path, err)
	}
	if b.Len() > maxFile {
		return nil, &Error{Path: path, Problem: fmt.Sprintf("is larger than %d octets", maxFile)}
	}
	return b.Bytes(), nil
}

// refusal is the kernel's word about path, which says that itself.
func refusal(path string, err error) error {
	if at, ok := err.(*fs.PathError); ok {
		err = at.Err
	}
	return &Error{Path: path, Problem: err.Error()}
}

// unfit says why a file is not read.
func unfit(st fs.FileInfo) string {
	if st.IsDir() {
		return "is a directory"
	}
	if !st.Mode().IsRegular() {
		return "is not a regular file"
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return "has no owner"
	}
	const othersWrite, groupWrites = 0o002, 0o020
	me, mode := os.Geteuid(), st.Mode().Perm()
	switch {
	case owner.Uid != 0 && int(owner.Uid) != me:
		return fmt.Sprintf("belongs to user %d, who could have any program run: make it root's", owner.Uid)
	case mode&othersWrite != 0:
		return fmt.Sprintf("can be written by all (mode %#o), who could have any program run: chmod o-w", mode)
	case mode&groupWrites != 0 && owner.Gid != 0 && me == 0:
		return fmt.Sprintf("can be written by group %d (mode %#o), who could have any program run: chmod g-w", owner.Gid, mode)
	}
	return ""
}
