package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// asOrphan is the first argument of a process that is to be left behind.
const asOrphan = "orphan"

// orphans starts a parent for each, which ends at once. The orphans wait until
// the pipe that they read is closed, and end.
func orphans(count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	for range n {
		parent := exec.Command(os.Args[0], asOrphan, "parent")
		parent.Stdin = r
		if err := parent.Run(); err != nil {
			return fmt.Errorf("the parent of an orphan: %w", err)
		}
	}
	r.Close()
	if err := waitNamed(asOrphan, n); err != nil {
		return err
	}
	w.Close()
	if err := waitNamed(asOrphan, 0); err != nil {
		return err
	}
	fmt.Println("orphans 0 zombies")
	return nil
}

// waitNamed waits until there are n processes of a name.
func waitNamed(name string, n int) error {
	for limit := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		there, err := named(name)
		switch {
		case err != nil:
			return err
		case len(there) == n:
			return nil
		case time.Now().After(limit):
			return fmt.Errorf("not %d but %d are there: %s", n, len(there), strings.Join(there, ", "))
		}
	}
}

// beOrphan is the parent, or the orphan. It never returns.
func beOrphan(args []string) {
	var err error
	if len(args) > 0 {
		child := exec.Command(os.Args[0], asOrphan)
		child.Stdin = os.Stdin
		err = child.Start()
	} else {
		// A zombie has a name, but no command line to be told by.
		err = os.WriteFile("/proc/self/comm", []byte(asOrphan), 0)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "orphan:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// named lists the processes of a name, zombies too, as "17 (orphan) Z".
func named(name string) (found []string, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		end := strings.LastIndexByte(string(b), ')')
		if end > 0 && strings.HasSuffix(string(b[:end]), "("+name) {
			found = append(found, string(b[:min(len(b), end+3)]))
		}
	}
	return found, err
}
