package sandbox

import "golang.org/x/sys/unix"

// foreign are calls by the numbers of another architecture: getpid of x32, which
// the kernel may know or not.
var foreign = []attempt{
	{"a call of x32", func(string) error { return raw(1<<30 | unix.SYS_GETPID) }, true},
}
