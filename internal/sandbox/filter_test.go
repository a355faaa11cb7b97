//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"os"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A judge runs a filter as golang.org/x/net/bpf understands it.
type judge struct{ vm *bpf.VM }

func newJudge(t testing.TB, cfg Config) judge {
	t.Helper()
	var tab table
	allowCalls(&tab, cfg)
	var raw []bpf.RawInstruction
	for _, in := range newProgram(&tab) {
		raw = append(raw, bpf.RawInstruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K})
	}
	prog, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatalf("not all of it is BPF: %v", prog)
	}
	vm, err := bpf.NewVM(prog)
	if err != nil {
		t.Fatal(err)
	}
	return judge{vm}
}

// verdict is that on a call. A filter sees the words of struct seccomp_data in
// the order of the machine, and the VM those of a packet: so that they are written
// as a network has them, each half for itself.
func (j judge) verdict(t testing.TB, arch, nr uint32, args ...uint64) uint32 {
	t.Helper()
	data := make([]byte, offsetArgs+6*8)
	binary.BigEndian.PutUint32(data[offsetNr:], nr)
	binary.BigEndian.PutUint32(data[offsetArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offsetArgs+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[offsetArgs+8*i+4:], uint32(a>>32))
	}
	v, err := j.vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(v)
}

const (
	filterAllows  = unix.SECCOMP_RET_ALLOW
	filterRefuses = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
)

// The filter has for every number the verdict that the table has, whatever is
// configured, and for no other number any but a refusal.
func TestFilterIsTheTable(t *testing.T) {
	most := Config{Connect: true, Setns: true, Ethtool: true}
	for i := range maxValues {
		most.Families = append(most.Families, 100+i)
		most.Signal = append(most.Signal, 100000+i)
	}
	for _, cfg := range []Config{{}, most} {
		var tab table
		allowCalls(&tab, cfg)
		j := newJudge(t, cfg)
		count := 0
		for nr := range uint32(numbers) {
			got := j.verdict(t, architecture, nr, ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0))
			want := uint32(filterRefuses)
			switch tab.verdicts[nr] {
			case allowed:
				want = filterAllows
				count++
			case unknown:
				want = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
			}
			if got != want {
				t.Errorf("call %d: %#x, want %#x", nr, got, want)
			}
			for _, bit := range []uint32{1 << 9, 1 << 10, 1 << 30, 1 << 31} {
				if got := j.verdict(t, architecture, nr|bit); got != filterRefuses {
					t.Errorf("call %#x: %#x", nr|bit, got)
				}
			}
			if got := j.verdict(t, unix.AUDIT_ARCH_I386, nr); got != filterRefuses {
				t.Errorf("call %d of another architecture: %#x", nr, got)
			}
		}
		if count += len(tab.rules); count != tab.size || count > 100 {
			t.Errorf("%d calls are allowed, and %d by the table's count", count, tab.size)
		}
	}
}

// The rules on arguments.
func TestFilterLooksAtArguments(t *testing.T) {
	self := uint64(os.Getpid())
	const thread = 0x50f00 // the flags of the runtime, in the words of strace(1)
	j := newJudge(t, Config{Signal: []int{4711}, Families: []int{unix.AF_NETLINK}})
	const high = 1 << 40 // the kernel does not look there
	for _, row := range []struct {
		name string
		nr   uint32
		args []uint64
		ok   bool
	}{
		{"a thread", unix.SYS_CLONE, []uint64{thread}, true},
		{"a thread with its own storage", unix.SYS_CLONE, []uint64{thread | unix.CLONE_SETTLS}, true},
		{"a process", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, false},
		{"a thread in a new namespace", unix.SYS_CLONE, []uint64{thread | unix.CLONE_NEWNET}, false},
		{"a traced thread", unix.SYS_CLONE, []uint64{thread | unix.CLONE_PTRACE}, false},
		{"a process with a descriptor", unix.SYS_CLONE, []uint64{unix.CLONE_PIDFD | unix.CLONE_VFORK | unix.CLONE_VM}, false},
		{"memory to write", unix.SYS_MMAP, []uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE}, true},
		{"memory to run", unix.SYS_MMAP, []uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}, false},
		{"memory to run, said twice", unix.SYS_MMAP, []uint64{0, 4096, high | unix.PROT_EXEC}, false},
		{"memory made to run", unix.SYS_MPROTECT, []uint64{0, 4096, unix.PROT_EXEC}, false},
		{"memory made to be read", unix.SYS_MPROTECT, []uint64{0, 4096, unix.PROT_READ}, true},
		{"a signal to us", unix.SYS_KILL, []uint64{self, 15}, true},
		{"a signal to a thread of ours", unix.SYS_TGKILL, []uint64{self, 1, 23}, true},
		{"a signal to the child", unix.SYS_KILL, []uint64{4711, 15}, true},
		{"a signal to a thread of the child", unix.SYS_TGKILL, []uint64{4711, 4711, 15}, false},
		{"a signal to another", unix.SYS_KILL, []uint64{4712, 15}, false},
		{"a signal to our group", unix.SYS_KILL, []uint64{0, 15}, false},
		{"a signal to a group", unix.SYS_KILL, []uint64{-self, 15}, false},
		{"a unix socket", unix.SYS_SOCKET, []uint64{unix.AF_UNIX, 1}, true},
		{"a netlink socket", unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, 3}, true},
		{"a packet socket", unix.SYS_SOCKET, []uint64{unix.AF_PACKET, 3}, false},
		{"a packet socket, said twice", unix.SYS_SOCKET, []uint64{high | unix.AF_PACKET, 3}, false},
		{"an internet socket", unix.SYS_SOCKET, []uint64{unix.AF_INET, 2}, false},
		{"a connection", unix.SYS_CONNECT, nil, false},
		{"which links have an address", unix.SYS_IOCTL, []uint64{3, unix.SIOCGIFCONF}, true},
		{"another address for a link", unix.SYS_IOCTL, []uint64{3, unix.SIOCSIFADDR}, false},
		{"a network namespace", unix.SYS_SETNS, []uint64{3, unix.CLONE_NEWNET}, false},
		{"a file", unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT, 0o644}, true},
		{"a file that runs as its owner", unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT, 0o4755}, false},
		{"a file that runs as its group", unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT, 0o2755}, false},
		{"a folder", unix.SYS_MKDIRAT, []uint64{0, 0, 0o755}, true},
		{"a folder of its group", unix.SYS_MKDIRAT, []uint64{0, 0, 0o2755}, false},
		{"a mode", unix.SYS_FCHMOD, []uint64{0, 0o600}, true},
		{"a mode to run as the owner", unix.SYS_FCHMOD, []uint64{0, 0o4600}, false},
		{"a mode by path to run as the owner", unix.SYS_FCHMODAT, []uint64{0, 0, 0o4600}, false},
		{"the flags of a file", unix.SYS_FCNTL, []uint64{1, unix.F_GETFL}, true},
		{"the owner of a file", unix.SYS_FCNTL, []uint64{1, unix.F_SETOWN, 1}, false},
		{"the size of a terminal", unix.SYS_IOCTL, []uint64{1, unix.TIOCGWINSZ}, true},
		{"the input of a terminal", unix.SYS_IOCTL, []uint64{1, unix.TIOCSTI}, false},
		{"an address by ioctl", unix.SYS_IOCTL, []uint64{1, unix.SIOCSIFADDR}, false},
		{"a name for memory", unix.SYS_PRCTL, []uint64{unix.PR_SET_VMA}, true},
		{"a mode of the process", unix.SYS_PRCTL, []uint64{unix.PR_SET_DUMPABLE, 1}, false},
	} {
		want := uint32(filterRefuses)
		if row.ok {
			want = filterAllows
		}
		if got := j.verdict(t, architecture, row.nr, row.args...); got != want {
			t.Errorf("%s: %#x, want %#x", row.name, got, want)
		}
	}
}

// Who enters network namespaces enters no others.
func TestFilterLooksAtNamespaces(t *testing.T) {
	j := newJudge(t, Config{Setns: true})
	for kind, ok := range map[uint64]bool{unix.CLONE_NEWNET: true, unix.CLONE_NEWNS: false, unix.CLONE_NEWNET | unix.CLONE_NEWNS: false, 0: false} {
		if got := j.verdict(t, architecture, unix.SYS_SETNS, 3, kind) == filterAllows; got != ok {
			t.Errorf("%#x: %v", kind, got)
		}
	}
}
