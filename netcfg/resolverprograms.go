package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// programTimeout is how long a program may take.
const programTimeout = 5 * time.Second

// errNotHere says that a method does not exist on this host.
var errNotHere = errors.New("not on this host")

// resolved is systemd-resolved, where name servers belong to a link.
type resolved struct{ link string }

// resolvedRun is there while systemd-resolved runs.
const resolvedRun = "/run/systemd/resolve"

func (resolved) name() string { return "systemd-resolved" }

func (r resolved) set(ctx context.Context, s settings) error {
	if _, err := os.Stat(resolvedRun); err != nil {
		return fmt.Errorf("systemd-resolved: %w", errNotHere)
	}
	args := []string{"dns", r.link}
	for _, a := range s.Servers {
		args = append(args, a.String())
	}
	if err := run(ctx, program{name: "resolvectl", args: args}); err != nil {
		return err
	}
	domains := s.Search
	if len(domains) == 0 {
		domains = []string{""} // none, instead of those there are
	}
	return run(ctx, program{name: "resolvectl", args: append([]string{"domain", r.link}, domains...)})
}

func (r resolved) unset(ctx context.Context) error {
	// What belonged to a link went with it.
	if _, err := net.InterfaceByName(r.link); err != nil {
		return nil
	}
	if _, err := os.Stat(resolvedRun); err != nil {
		return fmt.Errorf("systemd-resolved: %w", errNotHere)
	}
	return run(ctx, program{name: "resolvectl", args: []string{"revert", r.link}})
}

// resolvconf is the program of that name: Debian's, openresolv or others. Each
// record has a name that begins with the link's.
type resolvconf struct {
	link   string
	metric int
	log    *slog.Logger
}

func (resolvconf) name() string { return "resolvconf" }

func (r resolvconf) record() string { return r.link + ".dhclient-go" }

func (r resolvconf) set(ctx context.Context, s settings) error {
	err := run(ctx, program{
		name: "resolvconf", args: []string{"-a", r.record()}, stdin: s.lines(),
		env: fmt.Sprintf("IF_METRIC=%d", r.metric), // openresolv; the others do not look
		// Debian's takes name servers that it does not use, and says so here.
		talk: func(said string) { r.log.Warn("resolvconf has the name servers", "and says", said) },
	})
	if _, postponed := os.Stat(resolvconfPostponed); err == nil && postponed == nil {
		r.log.Warn("resolvconf has the name servers, but its updates are disabled: they are not used", "enable", "resolvconf --enable-updates")
	}
	return err
}

// resolvconfPostponed is there while Debian's has what it does not use, because
// nobody has enabled its updates: no init script ran, as in a container.
const resolvconfPostponed = "/run/resolvconf/postponed-update"

func (r resolvconf) unset(ctx context.Context) error {
	// -f, behind what Debian's reads: openresolv fails else if there is none.
	return run(ctx, program{name: "resolvconf", args: []string{"-d", r.record(), "-f"}})
}

// A program is one to run, without a shell.
type program struct {
	name  string
	args  []string
	stdin string
	env   string // one variable beside PATH and LANG
	// talk gets what the program says on standard error though it succeeds.
	talk func(said string)
}

// run runs p within programTimeout. What p starts has the same time.
func run(ctx context.Context, p program) error {
	path, err := findProgram(p.name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Stdin = strings.NewReader(p.stdin)
	cmd.Env = []string{"LANG=C", "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	if p.env != "" {
		cmd.Env = append(cmd.Env, p.env)
	}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for who keeps stderr open
	var stderr bounded
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("%s %s: %w %s", p.name, strings.Join(p.args, " "), err, stderr.line())
	}
	if p.talk != nil && len(stderr.b) > 0 {
		p.talk(strings.TrimSpace(string(stderr.b)))
	}
	return nil
}

// findProgram looks in PATH, and where such programs are if PATH is a user's.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, errNotHere)
}

// bounded keeps the beginning of what a program says.
type bounded struct{ b []byte }

func (w *bounded) Write(p []byte) (int, error) {
	w.b = append(w.b, p[:min(len(p), 256-len(w.b))]...)
	return len(p), nil
}

func (w *bounded) line() string {
	if len(w.b) == 0 {
		return "(it said nothing)"
	}
	return fmt.Sprintf("(it said %q)", strings.TrimSpace(string(w.b)))
}
