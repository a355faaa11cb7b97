//go:build amd64 || arm64

package sandbox

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filterCalls has the kernel refuse all calls but those in calls.go, on all
// threads at once. No_new_privs, which this thread must have, comes to the others
// with the filter (kernel/seccomp.c, seccomp_sync_threads).
func filterCalls(cfg Config) Part {
	var t table
	allowCalls(&t, cfg)
	if err := install(newProgram(&t)); err != nil {
		return Part{Err: refusal("seccomp", err)}
	}
	return Part{Detail: fmt.Sprintf("%d calls", t.size)}
}

// install puts a filter in force on all threads.
func install(p program) error {
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	thread, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(p)
	switch {
	case errno != 0:
		return errno
	case thread != 0:
		return fmt.Errorf("thread %d has a filter of its own", thread)
	}
	return nil
}

// numbers is more than any system call has. Above are those of x32, which are
// refused.
const numbers = 512

// A table has the verdict on each system call, by its number.
type table struct {
	verdicts [numbers]verdict
	// size is how many can be allowed.
	size  int
	rules []rule
}

// A verdict is one of these, or past them one of the rules.
type verdict uint8

const (
	refused verdict = iota // with EPERM
	allowed
	unknown // as by a kernel that has never heard of it
	ruled
)

// A rule allows a call where an argument, or the bits of it that mask has, is one
// of values. The kernel itself takes no more than the lower half of all arguments
// that are looked at here.
type rule struct {
	arg    int
	mask   uint32
	values []uint32
}

// allow lets calls through, whatever their arguments.
func (t *table) allow(nrs ...int) {
	for _, nr := range nrs {
		t.verdicts[nr] = allowed
	}
	t.size += len(nrs)
}

// allowIf lets a call through where an argument is one of values.
func (t *table) allowIf(nr, arg int, values ...uint32) { t.rule(nr, rule{arg, ^uint32(0), values}) }

// allowWithout lets a call through where an argument has none of those bits.
func (t *table) allowWithout(nr, arg int, bits uint32) { t.rule(nr, rule{arg, bits, []uint32{0}}) }

func (t *table) rule(nr int, r rule) {
	t.verdicts[nr] = ruled + verdict(len(t.rules))
	t.rules = append(t.rules, r)
	t.size++
}

// unknown has calls fail as in a kernel that has never heard of them.
func (t *table) unknown(nrs ...int) {
	for _, nr := range nrs {
		t.verdicts[nr] = unknown
	}
}

// A program is a filter in the kernel's form (struct sock_filter, which has no
// more than a condition for what it skips: 255 instructions at most). It is
// written as that, and not made of the values of golang.org/x/net/bpf: that took
// a tenth of a millisecond. The tests read it by those.
type program []unix.SockFilter

// What a filter sees is struct seccomp_data: the number of the call, the
// architecture, the instruction, and six arguments of 64 bits.
const (
	offsetNr   = 0
	offsetArch = 4
	offsetArgs = 16

	load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	and     = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	ret     = unix.BPF_RET | unix.BPF_K
	equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	atLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
)

// A writer writes a program from its end to its start, so that it knows where all
// is that it skips to.
type writer struct {
	program
	t *table
	// firsts are the numbers whose verdict is another than that of the number
	// before.
	firsts []int
}

// newProgram looks at the architecture, and then for the call. The kernel goes
// through it for every number that there is when it takes it, to know the calls
// that are always allowed and never to ask the filter for those (kernel/seccomp.c,
// seccomp_cache_prepare), and makes it machine code. So it is short, and halves the
// numbers: a row of comparisons took several times as long.
func newProgram(t *table) program {
	w := writer{t: t, program: make(program, 0, 256), firsts: make([]int, 0, 256)}
	last := verdict(0)
	for nr, v := range t.verdicts {
		if v != last || nr == 0 {
			w.firsts = append(w.firsts, nr)
		}
		last = v
	}
	w.firsts = append(w.firsts, numbers)
	w.add(ret, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)) // in the order of the verdicts
	w.add(ret, unix.SECCOMP_RET_ALLOW)
	w.add(ret, unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS))
	w.search(0, len(w.firsts))
	w.add(load, offsetNr)
	w.branch(equal, architecture, len(w.program)-1, int(refused))
	w.add(load, offsetArch)
	slices.Reverse(w.program)
	return w.program
}

func (w *writer) add(code uint16, k uint32) {
	w.program = append(w.program, unix.SockFilter{Code: code, K: k})
}

// branch goes on at the place yes, or no.
func (w *writer) branch(condition uint16, k uint32, yes, no int) {
	here := len(w.program)
	w.program = append(w.program, unix.SockFilter{
		Code: condition, K: k, Jt: uint8(here - yes - 1), Jf: uint8(here - no - 1),
	})
}

// search finds the verdict on a number from firsts[low] to firsts[high], and
// returns its own place.
func (w *writer) search(low, high int) (place int) {
	if high-low == 1 {
		return w.judge(w.firsts[low])
	}
	middle := (low + high) / 2
	no := w.search(low, middle)
	yes := w.search(middle, high)
	w.branch(atLeast, uint32(w.firsts[middle]), yes, no)
	return len(w.program) - 1
}

// judge returns the place of the verdict on nr.
func (w *writer) judge(nr int) (place int) {
	v := refused
	if nr < numbers {
		v = w.t.verdicts[nr]
	}
	if v < ruled {
		return int(v)
	}
	r := w.t.rules[v-ruled]
	next := int(refused)
	for _, value := range r.values {
		w.branch(equal, value, int(allowed), next)
		next = len(w.program) - 1
	}
	if r.mask != ^uint32(0) {
		w.add(and, r.mask)
	}
	// The lower half comes first: both architectures are little-endian.
	w.add(load, offsetArgs+8*uint32(r.arg))
	return len(w.program) - 1
}
