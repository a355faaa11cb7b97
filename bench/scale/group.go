package scale

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A group is a control group, which knows the processor time of all processes
// that ever were in it. Without the right to make one it knows nothing.
type group struct {
	mount, path string
	dir         *os.File
}

func newGroup() (*group, error) {
	mount, err := os.MkdirTemp("", "scale-group")
	if err != nil {
		return nil, err
	}
	g := &group{mount: mount}
	if err := unix.Mount("cgroup2", mount, "cgroup2", 0, ""); err != nil {
		return g, nil // who is not root has none
	}
	if g.path, err = os.MkdirTemp(mount, "dhclient-go-bench"); err != nil {
		g.path = ""
		return g, nil
	}
	if g.dir, err = os.Open(g.path); err != nil {
		g.close()
		return nil, fmt.Errorf("open a control group: %w", err)
	}
	return g, nil
}

// join has a command start in the group.
func (g *group) join(cmd *exec.Cmd) {
	if g.dir != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(g.dir.Fd())
	}
}

// used is the processor time of all that were in the group so far; ok is false
// where that is not known.
func (g *group) used() (t time.Duration, ok bool) {
	if g.path == "" {
		return 0, false
	}
	us, err := field(filepath.Join(g.path, "cpu.stat"), "usage_usec")
	return time.Duration(us) * time.Microsecond, err == nil
}

func (g *group) close() {
	if g.dir != nil {
		_ = g.dir.Close()
	}
	if g.path != "" {
		_ = os.Remove(g.path)
	}
	_ = unix.Unmount(g.mount, unix.MNT_DETACH)
	_ = os.Remove(g.mount)
}

// processes are those in the namespace of the clients.
func processes() (pids []int, err error) {
	var there syscall.Stat_t
	if err := syscall.Stat("/run/netns/"+clientNS, &there); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		var s syscall.Stat_t
		if syscall.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &s) == nil && s.Ino == there.Ino {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// A cost is what processes have, at one moment.
type cost struct {
	processes int
	anon      int // KiB, of all
	helper    int // KiB, of those that are not the largest
	switches  int // context switches so far
	files     int // descriptors
}

// look adds up what the processes of the clients cost.
func look() (c cost, err error) {
	pids, err := processes()
	if err != nil {
		return c, err
	}
	largest := 0
	for _, pid := range pids {
		dir := fmt.Sprintf("/proc/%d", pid)
		anon, err := field(dir+"/smaps_rollup", "Anonymous:")
		if err != nil {
			continue // it has ended
		}
		tasks, err := filepath.Glob(dir + "/task/*/status")
		if err != nil {
			return c, err
		}
		for _, t := range tasks {
			for _, f := range []string{"voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"} {
				n, _ := field(t, f) // 0 of a thread that has ended
				c.switches += n
			}
		}
		if fds, err := os.ReadDir(dir + "/fd"); err == nil {
			c.files += len(fds)
		}
		c.processes++
		c.anon += anon
		largest = max(largest, anon)
	}
	c.helper = c.anon - largest
	return c, nil
}

// field is the number after a word at the start of a line.
func field(file, word string) (int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == word {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, word)
}
