package places_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/places/vm"
)

// walk is the shell block below a heading of a document.
func walk(t *testing.T, file, heading string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "docs", file))
	must(t, err)
	_, section, ok := strings.Cut(string(b), "\n## "+heading+"\n")
	_, block, ok2 := strings.Cut(section, "\n```sh\n")
	block, _, ok3 := strings.Cut(block, "\n```\n")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("there is no walk %q in %s", heading, file)
	}
	return block
}

// follow does what a walk says, in a copy of the sources that shares all but bin,
// and in a namespace of its own. The packages are those that it unpacks.
func follow(t *testing.T, file, heading string, packages ...string) string {
	t.Helper()
	script := walk(t, file, heading)
	for _, pkg := range packages {
		unpacked(t, pkg) // or the test fetches it
	}
	from, err := filepath.Abs(root)
	must(t, err)
	dir := t.TempDir()
	entries, err := os.ReadDir(from)
	must(t, err)
	for _, e := range entries {
		if e.Name() != "bin" {
			must(t, os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())))
		}
	}
	must(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	must(t, os.Symlink(filepath.Join(from, "bin", "debs"), filepath.Join(dir, "bin", "debs")))
	put(t, filepath.Join(dir, "bin", "tools", "make"), 0o755, []byte("#!/bin/sh\n# It was built before, outside of these namespaces.\ncase $* in build | cnitool) ;; *) exit 1 ;; esac\n"))
	for name, program := range map[string][]byte{"dhclient-go": programs["dhclient-go"], "dhclient-go-cni": programs["dhclient-go-cni"], "cnitool": cnitool} {
		put(t, filepath.Join(dir, "bin", name), 0o755, program)
	}
	ns := nettest.NewNS(t, "docs")
	// Control groups: see package oci.
	cmd := ns.Command(t.Context(), "unshare", "--cgroup", "--mount", "sh", "-c",
		`mount -n -t cgroup2 none /sys/fs/cgroup && mount -n -t tmpfs none /run && mkdir /run/netns && exec sh -eu -c "$0"`, script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin", "tools")+":/usr/sbin:/sbin:"+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s", heading, err, &out)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// The walks of docs/containers.md, as a newcomer would follow them.
func TestDocs_Container(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("runc"); err != nil {
		missing(t, "package runc is not installed")
	}
	out := follow(t, "containers.md", "A container", "busybox-static")
	for _, want := range []string{"/24 from 10.7.0.1, lease 1h", "I have 10.7.0.", ", my router is 10.7.0.1.\n", "nameserver 10.7.0.1\n", " released\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestDocs_Initramfs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("cpio"); err != nil || !vm.Installed() {
		missing(t, "packages cpio and qemu-system-x86 are not installed")
	}
	out := follow(t, "containers.md", "An initramfs", "busybox-static", kernelPackage)
	for _, want := range []string{"eth0: 10.0.2.15/24 from 10.0.2.2", "inet 10.0.2.15/24", "The program has ended with code 0."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// The walk of docs/cni.md.
func TestDocs_CNI(t *testing.T) {
	t.Parallel()
	if cnitool == nil {
		missing(t, "cnitool could not be built")
	}
	out := follow(t, "cni.md", "A walk", "containernetworking-plugins")
	for _, want := range []string{`"address": "10.8.0.`, `"gateway": "10.8.0.1"`, " 0% packet loss", "box:["} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
