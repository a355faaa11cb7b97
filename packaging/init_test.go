package packaging_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// scripts are all that a shell runs on a user's machine.
func scripts(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"init/*/*", "debian/p*", "debian/*.sh", "*.sh"} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatalf("%s: %q, %v", pattern, some, err)
		}
		all = append(all, some...)
	}
	return all
}

// Shells understand the scripts, and the flags in them are flags of ours.
func TestScripts_Syntax(t *testing.T) {
	known := helpFlags(t)
	for _, path := range append(scripts(t), "systemd/dhclient-go@.service") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(b), "\n"); strings.HasSuffix(first, "bash") {
			must(t, "bash", "-n", path)
		} else if strings.HasPrefix(first, "#!") {
			must(t, "sh", "-n", path)
		}
		for line := range strings.Lines(string(b)) {
			// Behind "--", command_args and the program's name stand flags of ours.
			_, ours, found := strings.Cut(line, " -- ")
			if i := strings.Index(line, "command_args="); i >= 0 {
				ours, found = strings.ReplaceAll(line[i:], `"`, " "), true
			} else if i := strings.Index(line, "dhclient-go --"); i >= 0 {
				ours, found = line[i:], true
			}
			for _, f := range flag.FindAllString(ours, -1) {
				if found && !slices.Contains(known, strings.TrimSpace(f)[2:]) {
					t.Errorf("%s: no flag %s: %s", path, f, line)
				}
			}
		}
	}
}

func TestScripts_Shellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("no shellcheck here")
	}
	for _, path := range scripts(t) {
		args := []string{path}
		if filepath.Base(filepath.Dir(path)) == "openrc" {
			args = []string{"--shell=sh", path}
		}
		must(t, "shellcheck", args...)
	}
}

// command runs a program in the client's namespace. The installed one is in
// /usr/local/sbin, where the scripts look first, and /etc/default is a directory
// of the test's.
func (l *lan) command(t *testing.T, env []string, argv ...string) *exec.Cmd {
	t.Helper()
	const bind = `mount --bind "$0" /usr/local/sbin && mount --bind "$1" /etc/default && shift && exec "$@"`
	cmd := l.client.Command(context.Background(), "sh", append([]string{"-c", bind, install(t, "sbin"), l.etcDefault}, argv...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

func (l *lan) run(t *testing.T, want int, env []string, argv ...string) string {
	t.Helper()
	cmd := l.command(t, env, argv...)
	out, err := os.CreateTemp(t.TempDir(), "out") // not a pipe, which the daemon would hold
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	_ = cmd.Run() // how it ended is in ProcessState
	b, err := os.ReadFile(out.Name())
	if got := cmd.ProcessState.ExitCode(); got != want || err != nil {
		t.Errorf("%q ends with %d, want %d: %s%v", argv, got, want, b, err)
	}
	return string(b)
}

// The script for sysvinit starts a client that gets a lease, says so, and stops
// it; without interfaces it says where they belong.
func TestInit_Sysvinit(t *testing.T) {
	need(t, "start-stop-daemon")
	l, script := newLAN(t), install(t, "share/doc/dhclient-go/init/sysvinit/dhclient-go")
	if out := l.run(t, 6, nil, script, "start"); !strings.Contains(out, "no INTERFACES in /etc/default/dhclient-go") {
		t.Errorf("without interfaces: %s", out)
	}
	if err := os.WriteFile(l.etcDefault+"/dhclient-go", []byte("INTERFACES=eth0\nDHCLIENT_GO_FLAGS='--on-exit remove --no-dns'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.run(t, 0, nil, script, "start")
	t.Cleanup(func() { l.run(t, 0, nil, script, "stop") })
	l.address(t, true)
	l.run(t, 0, nil, script, "start") // nothing is to be done
	l.run(t, 0, nil, script, "status")
	l.run(t, 0, nil, script, "reload")
	l.run(t, 0, nil, script, "stop")
	l.address(t, false)
	l.run(t, 3, nil, script, "status")
	l.run(t, 2, nil, script, "dance")
}

// The script for runit and s6 is the client, after exec: a signal to it reaches
// the client.
func TestInit_Runit(t *testing.T) {
	l, script := newLAN(t), install(t, "share/doc/dhclient-go/init/runit/run")
	dir := t.TempDir() + "/dhclient-go.eth0"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := l.command(t, nil, script)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l.address(t, true)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// The executor for ifupdown-ng has a phase up and a phase down, and does nothing
// in others.
func TestInit_IfupdownNG(t *testing.T) {
	need(t, "start-stop-daemon")
	l, script := newLAN(t), install(t, "share/doc/dhclient-go/init/ifupdown-ng/dhclient-go")
	phase := func(name string) {
		l.run(t, 0, []string{"IFACE=eth0", "PHASE=" + name, "IF_DHCLIENT_GO_FLAGS=--on-exit remove --no-dns"}, script)
	}
	phase("pre-up")
	phase("up")
	t.Cleanup(func() { phase("post-down") })
	l.address(t, true)
	phase("down")
	l.address(t, false)
}
