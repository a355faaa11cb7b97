package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// selfExe is the program that runs, even if its file was replaced or removed
// meanwhile (proc(5)).
const selfExe = "/proc/self/exe"

// Program is a path by which this program can be executed again.
func Program() (string, error) { return program() }

// program is a path of this program. Where /proc is not mounted, as early in an
// initramfs, it is the path that it was executed by, or one that is looked for by
// the name that it was called by.
func program() (string, error) {
	if _, err := os.Readlink(selfExe); err == nil {
		return selfExe, nil
	}
	if path, err := os.Executable(); err == nil {
		return path, nil
	}
	if path := executedBy(); path != "" {
		return path, nil
	}
	if len(os.Args) == 0 || os.Args[0] == "" {
		return "", errors.New("there is no /proc, and no name to look for")
	}
	return find(os.Args[0])
}

// atExecfn is where the auxiliary vector has the path that was given to execve(2)
// (AT_EXECFN, getauxval(3)).
const atExecfn = 31

// executedBy is that path, if it still leads to a program; else it is empty.
func executedBy() string {
	vector, err := unix.Auxv()
	if err != nil {
		return ""
	}
	for i := range vector {
		if vector[i][0] != atExecfn || vector[i][1] == 0 {
			continue
		}
		// The kernel has put the text above the stack, where it stays.
		text := *(**byte)(unsafe.Pointer(&vector[i][1]))
		path, err := filepath.Abs(unix.BytePtrToString(text))
		if err == nil && isProgram(path) {
			return path
		}
	}
	return ""
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// find looks for a program as a shell does.
func find(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if isProgram(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no /proc, and no %q in $PATH", name)
}

// takeName gives the process the name that it was called by: one that was
// executed as /proc/self/exe is "exe" for ps and pidof.
func takeName() {
	if len(os.Args) > 0 {
		// Without /proc it was not executed by that path.
		_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0)
	}
}
