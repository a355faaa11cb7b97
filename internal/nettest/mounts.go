package nettest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// stateDir is where the programs under test keep their files.
const stateDir = "/var/lib/dhclient-go"

// netnsDir is where ip-netns(8) looks for named namespaces.
const netnsDir = "/run/netns"

// prepare makes the mounts of this process private and lo of its network
// namespace up.
func prepare() error {
	// What follows must not come back to the machine.
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make / private: %w", err)
	}
	// A container may forbid these two, and all but `ps` works without:
	// /proc/self and /proc/sys/net follow the reader, not the mount.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	_ = unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	keep := needed()
	for _, dir := range []string{"/run", "/var/lib"} {
		if err := cover(dir, keep); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(stateDir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", stateDir, err)
	}
	if err := privateNetns(); err != nil {
		return err
	}
	if err := privateEtc(); err != nil {
		return err
	}
	if err := quiet(); err != nil {
		return err
	}
	return os.WriteFile(marker, nil, 0o444)
}

// needed lists what `go test` wants this process to find: it must stay visible,
// wherever it is.
func needed() []string {
	var keep []string
	if wd, err := os.Getwd(); err == nil {
		keep = append(keep, wd)
	}
	if exe, err := os.Executable(); err == nil {
		keep = append(keep, exe)
	}
	for _, arg := range os.Args[1:] {
		if _, v, ok := strings.Cut(arg, "="); ok {
			keep = append(keep, v)
		}
	}
	return append(keep, os.TempDir(), os.Getenv("GOCACHE"), os.Getenv("HOME"), os.Getenv("GOCOVERDIR"))
}

// cover puts an empty file system over dir, in which only the entries that
// lead to one of keep are those of the machine.
func cover(dir string, keep []string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("cover %s: %w", dir, err)
	}
	open := map[string]int{}
	for _, path := range keep {
		name := entryOf(dir, path)
		if _, ok := open[name]; ok || name == "" {
			continue
		}
		fd, err := unix.Open(filepath.Join(dir, name), unix.O_PATH|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
		if err == nil {
			defer unix.Close(fd)
			open[name] = fd
		}
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
	}
	for name, fd := range open {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			return fmt.Errorf("keep %s: %w", path, err)
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fd), path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("keep %s: %w", path, err)
		}
	}
	return nil
}

// entryOf is the name in dir that leads to path, empty if path is elsewhere.
func entryOf(dir, path string) string {
	if !filepath.IsAbs(path) {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, "../") {
		return ""
	}
	name, _, _ := strings.Cut(rel, "/")
	return name
}

// privateNetns makes the directory of named namespaces as ip-netns(8) does: a
// shared mount, so that a name removed here is removed for the processes of
// `ip netns exec` too.
func privateNetns() error {
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", netnsDir, err)
	}
	if err := unix.Mount(netnsDir, netnsDir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", netnsDir, err)
	}
	if err := unix.Mount("none", netnsDir, "", unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share %s: %w", netnsDir, err)
	}
	return nil
}

// privateEtc lets what is written to /etc stay here, and puts a private, empty
// file on /etc/resolv.conf, by a bind mount as containers have it.
func privateEtc() error {
	const dir = "/run/dhclient-go-etc"
	upper, work, file := dir+"/upper", dir+"/work", dir+"/resolv.conf"
	for _, d := range []string{dir, upper, work} {
		if err := os.Mkdir(d, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make /etc private: %w", err)
		}
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		return fmt.Errorf("make a private resolv.conf: %w", err)
	}
	const target = "/etc/resolv.conf"
	opts := fmt.Sprintf("lowerdir=/etc,upperdir=%s,workdir=%s", upper, work)
	if err := unix.Mount("overlay", "/etc", "overlay", 0, opts); err != nil {
		// Second best: nobody writes to /etc.
		if err := readOnly("/etc"); err != nil {
			return err
		}
	} else if err := regular(target); err != nil {
		return err
	}
	if err := unix.Mount(file, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s on %s: %w", file, target, err)
	}
	return nil
}

// regular makes path a file of its own: it may be a link to a place that is
// covered now, or nothing.
func regular(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return f.Close()
}

// readOnly forbids writing to dir, in this mount namespace.
func readOnly(dir string) error {
	if err := unix.Mount(dir, dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", dir, err)
	}
	// A user namespace cannot take away the flags that the mount has.
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("statfs %s: %w", dir, err)
	}
	locked := uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_RELATIME)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|locked, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", dir, err)
	}
	return nil
}
