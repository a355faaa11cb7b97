//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// refuseCall has a system call fail for all threads, as containers do.
func refuseCall(nr, errno uint32) error {
	p := program{
		{Code: load, K: offsetNr},
		{Code: equal, K: nr, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | errno},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	err := install(p) // root needs no no_new_privs for it, so that it is still to come
	if errors.Is(err, unix.EACCES) {
		if err = setNoNewPrivs(); err == nil {
			err = install(p)
		}
	}
	return err
}

// Where a part cannot be had, the report says why and the rest is in force.
func TestRefusedParts(t *testing.T) {
	needThreads(t)
	t.Parallel()
	const caps, landlock, seccomp = 0, 2, 3
	for name, row := range map[string]struct {
		refuse map[uint32]uint32
		lost   int
		says   string
		// open is what is possible then, and closed what is not.
		open, closed string
	}{
		"no Landlock in the kernel": {map[uint32]uint32{unix.SYS_LANDLOCK_CREATE_RULESET: uint32(unix.ENOSYS)}, landlock,
			"no landlock (landlock_create_ruleset: not in this kernel)", "read a file elsewhere", "fork"},
		"Landlock turned off": {map[uint32]uint32{unix.SYS_LANDLOCK_CREATE_RULESET: uint32(unix.EOPNOTSUPP)}, landlock,
			"no landlock (landlock_create_ruleset: turned off when the machine was started)", "read a file elsewhere", "fork"},
		"Landlock refused at the end": {map[uint32]uint32{unix.SYS_LANDLOCK_RESTRICT_SELF: uint32(unix.EPERM)}, landlock,
			"no landlock (landlock_restrict_self: operation not permitted)", "read a file elsewhere", "fork"},
		"seccomp refused": {map[uint32]uint32{unix.SYS_SECCOMP: uint32(unix.EPERM)}, seccomp,
			"no seccomp (seccomp: operation not permitted)", "fork", "execute what can be read"},
		"no seccomp in the kernel": {map[uint32]uint32{unix.SYS_SECCOMP: uint32(unix.ENOSYS)}, seccomp,
			"no seccomp (seccomp: not in this kernel)", "fork", "read a file elsewhere"},
		"capset refused": {map[uint32]uint32{unix.SYS_CAPSET: uint32(unix.EPERM)}, caps,
			"no capabilities (capset: operation not permitted)", "", "fork"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrder(t)
			o.Refuse = row.refuse
			prepareAttempts(t, o.Root)
			out := run(t, "attempt", o)
			if !strings.Contains(out.Report, row.says) {
				t.Errorf("%q does not say %q", out.Report, row.says)
			}
			for i, in := range out.InForce {
				if in != (i != row.lost) {
					t.Errorf("part %d is in force: %v (%s)", i, in, out.Report)
				}
			}
			if errno := out.Errors[row.open]; row.open != "" && errno != 0 {
				t.Errorf("%s: %v", row.open, errno)
			}
			if errno := out.Errors[row.closed]; !isRefused(errno) {
				t.Errorf("%s: %v", row.closed, errno)
			}
		})
	}
}

// Without a filter no_new_privs is on all threads too, and Landlock forbids to
// execute by itself.
func TestEveryThreadWithoutSeccomp(t *testing.T) {
	needThreads(t)
	t.Parallel()
	o := newOrder(t)
	o.Refuse = map[uint32]uint32{unix.SYS_SECCOMP: uint32(unix.ENOSYS)}
	out := run(t, "threads", o) // whose filter is the one that refuses
	if out.InForce != [4]bool{true, true, true, false} {
		t.Fatal(out.Report)
	}
	checkThreads(t, out, "0000000000001000")
	checkLandlock(t, out)
}

// With C in the program nothing is begun, and it is said.
func TestCgo(t *testing.T) {
	t.Parallel()
	if !cgo {
		t.Skip("for the race detector, which needs cgo")
	}
	out := run(t, "threads", newOrder(t))
	if out.InForce != [4]bool{} || out.Report != "nothing: "+ErrCgo.Error() {
		t.Errorf("%v %q", out.InForce, out.Report)
	}
	for i, status := range out.Threads {
		if status["NoNewPrivs"] != "0" || status["Seccomp"] != "0" || status["CapEff"] == "0000000000001000" {
			t.Errorf("thread %d: %v", i, status)
		}
	}
}

// A folder that does not exist is told.
func TestMissingFolder(t *testing.T) {
	needThreads(t)
	t.Parallel()
	o := newOrder(t)
	gone := filepath.Join(o.Root, "gone")
	o.Config.ReadWrite = append([]string{gone}, o.Config.ReadWrite...)
	o.Config.ReadOnly = append(o.Config.ReadOnly, "")
	o.Config.Remove = append(o.Config.Remove, gone+"2")
	out := run(t, "threads", o)
	needAll(t, out)
	if want := "; without " + gone + ": no such file or directory; without " + gone + "2: no such file or directory"; !strings.HasSuffix(out.Report, want) {
		t.Errorf("%q does not say %q", out.Report, want)
	}
}

// The report is one line.
func TestReport(t *testing.T) {
	r := Report{
		Capabilities: Part{Detail: "cap_net_admin"}, Landlock: Part{Detail: "ABI 6"}, Seccomp: Part{Detail: "74 calls"},
	}
	if got, want := r.String(), "capabilities cap_net_admin; no_new_privs; landlock ABI 6; seccomp 74 calls"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Landlock = Part{Err: refusal("landlock_create_ruleset", unix.ENOSYS)}
	r.Missing = []error{&os.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}}
	if got, want := r.String(), "capabilities cap_net_admin; no_new_privs; no landlock (landlock_create_ruleset: not in this kernel); seccomp 74 calls; without open /x: no such file or directory"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What makes no sense is refused before anything is given up.
func TestBadConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no such capability":         {Keep: []int{64}},
		"a negative capability":      {Keep: []int{-1}},
		"a negative family":          {Families: []int{-1}},
		"all processes":              {Signal: []int{-1}},
		"a group":                    {Signal: []int{-100}},
		"our own group":              {Signal: []int{0}},
		"more than a filter can say": {Signal: make([]int, maxValues+1)},
	} {
		if r, err := Enter(cfg); err == nil {
			t.Fatalf("%s: %v", name, r)
		}
	}
}
