package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sizeLimit = 8_100_000 // of the client alone it was 7.0 MB
	anonLimit = 1.5
	settle    = 2 * time.Second // until memory is looked at
	quiet     = 4 * time.Second // more, until the last of arpcheck is over
	watchIdle = 10 * time.Second
	samples   = 9
)

// idle is what a process costs while it waits.
type idle struct {
	anonKiB  int     // RssAnon, median of samples
	helpKiB  int     // the same of its child processes
	switches float64 // voluntary context switches a second, of all threads
}

// footprint compares size and idle cost with a skeleton: a program with the
// same imports that opens the same kinds of sockets and then only waits.
func footprint(l *lab, bin string) error {
	ours := filepath.Join(bin, "dhclient-go")
	size, err := os.Stat(ours)
	if err != nil {
		return err
	}
	skeletonSize, err := os.Stat(filepath.Join(bin, "skeleton"))
	if err != nil {
		return err
	}
	a, err := l.idleCost([]string{ours, "--lease-dir", l.dir + "/idle", "eth0"}, "10.99.0.")
	if err != nil {
		return fmt.Errorf("dhclient-go: %w", err)
	}
	b, err := l.idleCost([]string{filepath.Join(bin, "skeleton"), "eth0"}, "ready")
	if err != nil {
		return fmt.Errorf("skeleton: %w", err)
	}
	fmt.Fprintf(out, "\nSize, and cost while BOUND, beside a skeleton with the same imports and sockets\n\n")
	fmt.Fprintf(out, "%-24s %12s %12s %8s\n", "", "dhclient-go", "skeleton", "ratio")
	fmt.Fprintf(out, "%-24s %12d %12d %8.2f  limit %d\n", "stripped binary, bytes", size.Size(), skeletonSize.Size(),
		float64(size.Size())/float64(skeletonSize.Size()), sizeLimit)
	fmt.Fprintf(out, "%-24s %12d %12d %8.2f  limit %.1f\n", "anonymous memory, KiB", a.anonKiB, b.anonKiB,
		float64(a.anonKiB)/float64(b.anonKiB), anonLimit)
	fmt.Fprintf(out, "%-24s %12d %12s %8.2f  0: there is none\n", "  its helper process", a.helpKiB, "",
		float64(a.helpKiB)/float64(b.anonKiB))
	fmt.Fprintf(out, "%-24s %12.2f %12.2f\n", "wake-ups a second", a.switches, b.switches)
	return nil
}

// idleCost starts argv, waits until it prints ready, and watches it wait.
func (l *lab) idleCost(argv []string, ready string) (idle, error) {
	// Several processes, since where the heap and the stacks end up varies.
	var anon, help []int
	var out idle
	for i := range samples {
		if err := l.clean(); err != nil {
			return out, err
		}
		one, err := l.idleOnce(argv, ready, i == samples-1)
		if err != nil {
			return out, err
		}
		anon, help, out.switches = append(anon, one.anonKiB), append(help, one.helpKiB), one.switches
	}
	slices.Sort(anon)
	slices.Sort(help)
	out.anonKiB, out.helpKiB = anon[len(anon)/2], help[len(help)/2]
	return out, nil
}

func (l *lab) idleOnce(argv []string, ready string, count bool) (out idle, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	cmd := l.inClient(ctx, argv)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	says, err := cmd.StdoutPipe()
	if err != nil {
		return out, err
	}
	if err := cmd.Start(); err != nil {
		return out, err
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	buf := make([]byte, 4096)
	n, err := says.Read(buf)
	if err != nil || !strings.Contains(string(buf[:n]), ready) {
		return out, fmt.Errorf("it said %q (%v) %s", buf[:n], err, errs.String())
	}
	time.Sleep(settle)
	pid := cmd.Process.Pid
	if out.anonKiB, err = statusField(fmt.Sprintf("/proc/%d/status", pid), "RssAnon:"); err != nil {
		return out, err
	}
	if out.helpKiB, err = childrensMemory(pid); err != nil || !count {
		return out, err
	}
	time.Sleep(quiet)
	before, err := voluntarySwitches(pid)
	if err != nil {
		return out, err
	}
	time.Sleep(watchIdle)
	after, err := voluntarySwitches(pid)
	out.switches = float64(after-before) / watchIdle.Seconds()
	return out, err
}

// childrensMemory is the anonymous memory of the children of a process.
func childrensMemory(pid int) (sum int, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/status")
	for _, f := range files {
		if parent, err := statusField(f, "PPid:"); err != nil || parent != pid {
			continue // another's, or one that has ended meanwhile
		}
		n, err := statusField(f, "RssAnon:")
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, err
}

// voluntarySwitches counts, over the threads of a process, how often one went
// to sleep: each time it had been woken.
func voluntarySwitches(pid int) (sum int, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		n, err := statusField(f, "voluntary_ctxt_switches:")
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func statusField(file, field string) (int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field); ok {
			return strconv.Atoi(strings.Fields(v)[0])
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, field)
}
