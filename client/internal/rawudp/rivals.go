package rawudp

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Clients of other kinds know nothing of claims, and serve a link that we take over
// as before: two undo each other's addresses. Who is about to take over looks for
// them where that may be read, which is all that can be done: what is not seen is not
// there.

// rivalNames are what the kernel calls them (TASK_COMM_LEN: 15 octets at most).
// busybox is one if it was called as one.
var rivalNames = []string{"udhcpc", "dhclient", "dhcpcd", "systemd-network", "NetworkManager", "connmand", "wickedd-dhcp4", "pump", "busybox"}

// rival is a client of another kind that serves the link, in the network namespace
// of the calling thread; nil for none. holder is one of ours.
func rival(link lease.LinkState, port uint16, holder int) *HeldError {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = proc.Close() }()
	names, _ := proc.Readdirnames(-1) // none, or some, if it fails
	var sockets []string
	looked := false
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == holder || pid == os.Getpid() {
			continue
		}
		dir := "/proc/" + name
		comm, err := os.ReadFile(dir + "/comm")
		called := strings.TrimSuffix(string(comm), "\n")
		if err != nil || !slices.Contains(rivalNames, called) || isOurs(dir) || !couldServe(pid) {
			continue // anybody may call himself that, and be in nobody's way
		}
		if !looked {
			sockets, looked = socketsOf(link, port), true
		}
		args := argsOf(dir)
		if called == "busybox" {
			if len(args) < 2 || filepath.Base(args[1]) != "udhcpc" {
				continue
			}
			called = "udhcpc"
		}
		if holdsOne(dir, sockets) || namesLink(called, args, link.Name) && hasNetns(dir, currentNetns()) {
			return &HeldError{PID: pid, Name: printable(called), Foreign: true}
		}
	}
	return nil
}

// isOurs says that a process executes what we do, by whatever name, or has ended.
func isOurs(dir string) bool {
	own, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	its, err := os.Stat(dir + "/exe")
	return err == nil && os.SameFile(own, its) || os.IsNotExist(err)
}

// hasNetns says that a process is in a network namespace, as far as can be seen.
func hasNetns(dir string, netns uint64) bool {
	var st unix.Stat_t
	return unix.Stat(dir+"/ns/net", &st) == nil && st.Ino == netns
}

// argsOf are the arguments of a process. Who writes a title in their place has
// blanks between the words.
func argsOf(dir string) []string {
	b, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == 0 || r == ' ' })
}

// namesLink says that the arguments of a client are of that link: one that is bound
// may have no socket open. Of DHCPv6 alone it is in nobody's way.
func namesLink(called string, args []string, link string) bool {
	const anyOption = "-i"
	other := false
	if slices.Contains(args, "-6") || slices.Contains(args, "--ipv6only") || slices.Contains(args, "[ip6]") && !slices.Contains(args, "[ip4]") {
		return false
	}
	for i, arg := range args {
		switch {
		case i > 0 && (arg == link || arg == anyOption+link || arg == "--interface="+link):
			return true
		case strings.HasPrefix(arg, anyOption), strings.HasPrefix(arg, "--interface"):
			other = true
		}
	}
	return called == "udhcpc" && !other && link == "eth0" // its default
}

// socketsOf are the sockets on which a client of the link hears what servers say, as
// /proc/PID/fd has them: packet sockets of the link for IP or all there is, and UDP
// sockets of the client's port with an address of the link.
func socketsOf(link lease.LinkState, port uint16) (sockets []string) {
	for _, f := range procNet("packet") {
		// sk RefCnt Type Proto Iface R Rmem User Inode
		if len(f) > 8 && (f[3] == "0800" || f[3] == "0003") && f[4] == strconv.Itoa(link.Index) {
			sockets = append(sockets, "socket:["+f[8]+"]")
		}
	}
	for _, f := range procNet("udp") {
		// sl local_address rem_address st queues timer retrnsmt uid timeout inode
		if len(f) < 10 {
			continue
		}
		for _, a := range link.Addresses {
			b := a.Addr().As4()
			if f[1] == fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(b[:]), port) {
				sockets = append(sockets, "socket:["+f[9]+"]")
			}
		}
	}
	return sockets
}

// procNet are the fields of the lines of a file of proc_pid_net(5), without its head.
func procNet(name string) (lines [][]string) {
	b, err := os.ReadFile("/proc/thread-self/net/" + name)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines[min(1, len(lines)):]
}

// holdsOne says that a process has one of those sockets.
func holdsOne(dir string, sockets []string) bool {
	if len(sockets) == 0 {
		return false
	}
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return false // that of another user
	}
	for _, fd := range fds {
		if to, err := os.Readlink(dir + "/fd/" + fd.Name()); err == nil && slices.Contains(sockets, to) {
			return true
		}
	}
	return false
}
