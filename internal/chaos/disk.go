package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// diskStep makes the lease directory read-only or full, or well again.
func diskStep(p plan) planned {
	how := p.of("read-only", "full")
	return planned{name: "lease directory " + how + " or well", do: func(l *lab) string {
		if l.disk != "" {
			l.heal()
			return "well"
		}
		return l.spoilDisk(how)
	}}
}

func (l *lab) leases() string { return filepath.Join(l.dir, "leases") }

func (l *lab) spoilDisk(how string) string {
	if how == "full" {
		// What it takes from the client's file is for the client to bear.
		err := os.WriteFile(filepath.Join(l.leases(), "filler"), make([]byte, 1<<20), 0o644)
		if !errors.Is(err, unix.ENOSPC) {
			l.Fatalf("fill the lease directory: %v", err)
		}
	} else if !l.remount("ro") {
		return "busy"
	}
	l.disk = how
	return how
}

// remount makes the file system "ro" or "rw", in every mount namespace. It
// cannot while a file is being written.
func (l *lab) remount(flag string) bool {
	var err error
	for range 50 {
		if err = reconfigure(l.leases(), flag); err == nil {
			return true
		}
		if !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !errors.Is(err, unix.EBUSY) {
		l.must("mount the lease directory anew", err)
	}
	return false
}

// reconfigure sets a flag of the file system itself: one of the mount would be
// inherited by the mount namespace of the next process.
func reconfigure(path, flag string) error {
	fd, err := unix.Fspick(unix.AT_FDCWD, path, unix.FSPICK_CLOEXEC)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.FsconfigSetFlag(fd, flag); err != nil {
		return err
	}
	return unix.FsconfigReconfigure(fd)
}

// heal makes the lease directory well again.
func (l *lab) heal() {
	if l.disk == "read-only" && !l.remount("rw") {
		l.Fatalf("the lease directory stays read-only")
	}
	err := os.Remove(filepath.Join(l.leases(), "filler"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.must("empty the lease directory", err)
	}
	l.disk = ""
}

// corruptStep writes rubbish into the lease file.
func corruptStep(p plan) planned {
	rubbish := []byte(p.of("", "{", "\x00\x01\x02", `{"version": 1, "lease": {"address": "999.0.0.1/24"}}`, `{"version": 77}`))
	gone := p.chance(25)
	return planned{name: fmt.Sprintf("lease file %q, gone %v", rubbish, gone), do: func(l *lab) string {
		if l.disk != "" {
			return "the directory is " + l.disk
		}
		l.judge.spoil(time.Now())
		if gone {
			_ = os.Remove(l.store.File())
			return ""
		}
		l.must("write rubbish", os.WriteFile(l.store.File(), rubbish, 0o644))
		return ""
	}}
}
