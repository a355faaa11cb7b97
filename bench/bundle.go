package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A bundle is what runc makes containers of (the OCI runtime specification): a
// root with static programs alone, which the container cannot write to.
type bundle struct {
	lab *lab
	dir string
	// address is what the server has for the link, once that is known.
	address netip.Addr
}

// newBundle has the program of each start under its place in the list.
func newBundle(l *lab, list []start) (*bundle, error) {
	// runc wants control groups, though it limits nothing here.
	if err := unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""); err != nil {
		return nil, fmt.Errorf("mount control groups for runc: %w", err)
	}
	dir, err := os.MkdirTemp("", "bench-bundle")
	if err != nil {
		return nil, err
	}
	b := &bundle{lab: l, dir: dir}
	for _, d := range []string{"lease", "etc", "proc", "dev", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, "rootfs", d), 0o755); err != nil {
			return nil, err
		}
	}
	copies := map[string]string{"stamp": filepath.Join(filepath.Dir(list[0].program), "stamp")}
	for place, s := range list {
		copies[strconv.Itoa(place)] = s.program
	}
	for to, from := range copies {
		program, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, "rootfs", to), program, 0o755); err != nil {
			return nil, err
		}
	}
	return b, os.WriteFile(filepath.Join(dir, "resolv.conf"), nil, 0o644)
}

func (b *bundle) close() { _ = os.RemoveAll(b.dir) }

// start runs s, which has that place in the list, and says how long it took
// from its exec to the address. Then it is killed.
func (b *bundle) start(place int, s *start) (took time.Duration, err error) {
	if err := b.prepare(place, s); err != nil {
		return 0, err
	}
	arrivals, err := watchArrival(b.lab.clientNS)
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out.Bytes())
		}
	}()
	stamp, theirs, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer stamp.Close()
	cmd := b.runc("run", "--preserve-fds", "1", "--bundle", b.dir, "bench")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &out, &out, []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, b.runc("delete", "--force", "bench").Run())
		_ = cmd.Wait() // it says that the container was killed
	}()
	began, err := readStamp(stamp)
	if err != nil {
		return 0, err
	}
	got := <-arrivals
	b.address = got.addr
	return got.at - began, got.err
}

func (b *bundle) runc(args ...string) *exec.Cmd {
	return exec.Command("runc", append([]string{"--root", filepath.Join(b.dir, "state")}, args...)...)
}

// readStamp reads what floor/stamp.c has written.
func readStamp(r io.Reader) (time.Duration, error) {
	var t [2]int64
	if err := binary.Read(r, binary.NativeEndian, &t); err != nil {
		return 0, fmt.Errorf("the container's first process did not start: %w", err)
	}
	return time.Duration(t[0])*time.Second + time.Duration(t[1]), nil
}

// bundleConfig is config.json, but for the arguments and what is of this run:
// the namespaces and mounts of a usual container, and the capabilities of a
// DHCP client.
const bundleConfig = `{
	"ociVersion": "1.0.2",
	"process": {
		"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": %[1]s, "noNewPrivileges": true,
		"capabilities": {"bounding": %[2]s, "effective": %[2]s, "permitted": %[2]s}
	},
	"root": {"path": "rootfs", "readonly": true},
	"mounts": [
		{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]},
		{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=755"]},
		{"destination": "/etc/resolv.conf", "type": "bind", "source": "%[3]s/resolv.conf", "options": ["bind", "rw"]},
		{"destination": "/lease", "type": "bind", "source": "%[3]s/lease%[4]d", "options": ["bind", "rw"]}
	],
	"linux": {"namespaces": [
		{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network", "path": "/run/netns/%[5]s"}
	]}
}`

const bundleCapabilities = `["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"]`

// prepare makes the link as before any start, and the bundle that of s.
func (b *bundle) prepare(place int, s *start) error {
	if err := b.lab.clean(); err != nil {
		return err
	}
	leases := filepath.Join(b.dir, fmt.Sprintf("lease%d", place))
	if !s.warm {
		if err := os.RemoveAll(leases); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(leases, 0o755); err != nil {
		return err
	}
	argv := []string{"/stamp", fmt.Sprintf("/%d", place)}
	for _, a := range s.argv {
		if a == heldAddress {
			a = b.address.String()
		}
		argv = append(argv, a)
	}
	args, err := json.Marshal(argv)
	if err != nil {
		return err
	}
	config := fmt.Sprintf(bundleConfig, args, bundleCapabilities, b.dir, place, b.lab.clientNS)
	return os.WriteFile(filepath.Join(b.dir, "config.json"), []byte(config), 0o644)
}
