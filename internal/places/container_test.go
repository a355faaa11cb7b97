package places_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// leased is what the program sees in a container with a lease.
var leased = []string{
	"address lo 127.0.0.1/8", "address eth0 192.0.2.10/24",
	"env DHCP4_ADDRESS=192.0.2.10", "env DHCP4_GATEWAY=192.0.2.1", "env DHCP4_DNS=192.0.2.1", "env DHCP4_DOMAIN=example.org",
}

// named is what it sees where there is a resolv.conf that can be written.
var named = []string{"resolver nameserver 192.0.2.1", "resolver search example.org", "lookup www.example.org 192.0.2.80"}

// look are the steps that see all of it.
var look = []string{"env", "addresses", "resolver", "lookup=www.example.org"}

// The example as it is: process 1, root with three capabilities, a read-only
// root, a resolv.conf from outside. What SIGTERM ends is the program, and with it
// goes all that was there of the lease.
func TestContainer_AsProcessOne(t *testing.T) {
	t.Parallel()
	b := newBox(t, append(look, "id", "ready", "signal", "exit=7")...)
	start := time.Now()
	b.start(t)
	b.isReady(t)
	t.Logf("runc to the program: %v", time.Since(start).Round(time.Millisecond))
	b.out.has(t, slices.Concat(leased, named)...)
	b.server.WaitLease(t, firstAddr, true)
	pid, err := b.run.PID()
	must(t, err)
	if argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || !strings.HasPrefix(string(argv), "/dhclient-go\x00init\x00") {
		t.Errorf("process 1 is %q, %v", argv, err)
	}
	b.stop(t, 7)
	b.out.has(t, "signal terminated")
	b.isBare(t)
	if left, err := os.ReadFile(filepath.Join(b.Dir, "resolv.conf")); err != nil || len(left) != 0 {
		t.Errorf("%q is left in resolv.conf, %v", left, err)
	}
}

// most are the capabilities that the client has a use for.
var most = []string{"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"}

// Not as root, with three ambient capabilities: all works, if resolv.conf may be
// written to.
func TestContainer_AmbientCapabilities(t *testing.T) {
	t.Parallel()
	b := newBox(t, append(look, "id", "ready", "signal")...)
	b.asNobody(t)
	b.Spec.Ambient(most...)
	must(t, os.Chmod(filepath.Join(b.Dir, "resolv.conf"), 0o666))
	b.start(t)
	b.isReady(t)
	b.out.has(t, slices.Concat(leased, named)...)
	if !strings.Contains(b.out.String(), "id uid=65534 gid=65534 ") {
		t.Error("the program has another user")
	}
	b.stop(t, 0)
	b.isBare(t)
}

// Not as root, with the capabilities of the file: what an engine makes of a user
// and capabilities that are added. The program has none of them.
func TestContainer_FileCapabilities(t *testing.T) {
	t.Parallel()
	b := newBox(t, append(look, "status=self", "ready", "signal")...)
	b.asNobody(t)
	b.Spec.Capable(most...)
	b.Spec.Process.Capabilities.Permitted, b.Spec.Process.Capabilities.Effective = nil, nil
	b.Spec.Process.NoNewPrivileges = false // else files give none
	b.setCapabilities(t, "rootfs/dhclient-go")
	b.start(t)
	b.isReady(t)
	b.out.has(t, append(leased, "status CapEff 0000000000000000", "status CapPrm 0000000000000000")...)
	b.stop(t, 0)
	b.isBare(t)
}

// What is missing is named. Without the right to port 68 there is a way around;
// without one of the other two there is no lease, nor a program.
func TestContainer_TooFewCapabilities(t *testing.T) {
	for name, tt := range map[string]struct {
		has  []string
		code int
		says string
	}{
		"no port 68":       {[]string{"CAP_NET_ADMIN", "CAP_NET_RAW"}, 0, "needs CAP_NET_BIND_SERVICE"},
		"no packet socket": {[]string{"CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE"}, 4, "needs CAP_NET_RAW"},
		"no addresses":     {[]string{"CAP_NET_RAW", "CAP_NET_BIND_SERVICE"}, 4, "needs CAP_NET_ADMIN"},
		"none":             {nil, 4, "needs CAP_NET_"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, "env")
			b.asNobody(t)
			b.Spec.Ambient(tt.has...)
			b.start(t)
			b.ends(t, tt.code)
			if !strings.Contains(b.log.String(), tt.says) {
				t.Errorf("it does not say %q", tt.says)
			}
			if ran := b.out.String() != ""; ran != (tt.code == 0) {
				t.Errorf("the program has run: %v", ran)
			}
			b.isBare(t)
		})
	}
}

// Without a resolv.conf on a read-only root there are no name servers, which is
// said; a root that can be written to is given one.
func TestContainer_WithoutResolvConf(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		t.Run(fmt.Sprintf("read-only=%v", readOnly), func(t *testing.T) {
			t.Parallel()
			b := newBox(t, append(look, "ready", "signal")...)
			b.Spec.Unmount("/etc/resolv.conf")
			b.Spec.Root.ReadOnly = readOnly
			b.start(t)
			b.isReady(t)
			b.out.has(t, leased...)
			if readOnly {
				b.out.has(t, "resolver: open /etc/resolv.conf: no such file or directory")
			} else {
				b.out.has(t, named...)
			}
			b.stop(t, 0)
			b.isBare(t)
			if said := strings.Contains(b.log.String(), "write /etc/resolv.conf: "); said != readOnly {
				t.Errorf("it says that the file cannot be written: %v", said)
			}
		})
	}
}

// refused are system calls that engines refuse to containers without more
// capabilities, and those of Landlock, which older engines do not know.
var refused = strings.Fields(`
	acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module
	fanotify_init finit_module fsconfig fsmount fsopen fspick get_mempolicy
	init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp
	kexec_file_load kexec_load keyctl landlock_add_rule landlock_create_ruleset
	landlock_restrict_self lookup_dcookie mbind mount mount_setattr move_mount
	move_pages name_to_handle_at open_by_handle_at open_tree perf_event_open
	personality pidfd_getfd pivot_root process_madvise process_vm_readv
	process_vm_writev ptrace quotactl quotactl_fd reboot request_key
	set_mempolicy setdomainname sethostname setns settimeofday swapoff swapon
	sysfs syslog umount2 unshare uselib userfaultfd ustat vhangup`)

// Under a filter as engines have, nothing is missing.
func TestContainer_SystemCallFilter(t *testing.T) {
	t.Parallel()
	b := newBox(t, append(look, "ready", "signal")...)
	b.Spec.Refuse(refused...)
	b.start(t)
	b.isReady(t)
	b.out.has(t, slices.Concat(leased, named)...)
	b.stop(t, 0)
	b.isBare(t)
}

// The exit code is the program's, or 128 and its signal, as a shell has it; what
// the program leaves behind is buried.
func TestContainer_Ends(t *testing.T) {
	for step, code := range map[string]int{"exit=7": 7, "die=9": 137, "die=15": 143, "orphans=3": 0} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, step)
			b.start(t)
			b.ends(t, code)
			if strings.HasPrefix(step, "orphans") {
				b.out.has(t, "orphans 0 zombies")
			}
			b.isBare(t)
		})
	}
}
