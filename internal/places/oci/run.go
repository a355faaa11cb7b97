package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// program runs containers.
const program = "runc"

// Installed says that there is a runc.
func Installed() bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// A Bundle is a container that does not run.
type Bundle struct {
	// Dir is the directory of config.json; relative paths in it are below.
	Dir  string
	Spec *Spec
}

// Write writes config.json.
func (b *Bundle) Write() error {
	text, err := json.MarshalIndent(b.Spec, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.Dir, "config.json"), text, 0o644)
}

// A Container is one that runs, or has run.
type Container struct {
	bundle *Bundle
	id     string
	done   chan struct{}
	code   int
	err    error
}

// withGroups runs runc where it finds control groups, whatever the machine has at
// /sys/fs/cgroup: the second version can be mounted everywhere, with or without
// a controller, and the namespace keeps the container's group below ours.
const withGroups = `mount -n -t cgroup2 none /sys/fs/cgroup && exec "$0" "$@"`

// runc is a command of runc's. What it knows of containers is in the bundle.
func (b *Bundle) runc(ctx context.Context, args ...string) *exec.Cmd {
	all := append([]string{
		"--cgroup", "--mount", "sh", "-c", withGroups,
		// Where the groups may not be written to, it goes on without.
		program, "--root", filepath.Join(b.Dir, "state"), "--rootless", "true",
	}, args...)
	cmd := exec.CommandContext(ctx, "unshare", all...)
	cmd.Dir = b.Dir
	return cmd
}

// Start starts the container. It is killed at the end of ctx.
func (b *Bundle) Start(ctx context.Context, id string, stdout, stderr io.Writer) (*Container, error) {
	cmd := b.runc(ctx, "run", id)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Cancel = func() error {
		return errors.Join(b.runc(context.Background(), "delete", "--force", id).Run(), cmd.Process.Kill())
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start container %s: %w", id, err)
	}
	c := &Container{bundle: b, id: id, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if c.err = cmd.Wait(); cmd.ProcessState.Exited() {
			c.code, c.err = cmd.ProcessState.ExitCode(), nil
		}
	}()
	return c, nil
}

// Done is closed when the container has ended.
func (c *Container) Done() <-chan struct{} { return c.done }

// Kill sends a signal, as "TERM", to the first process.
func (c *Container) Kill(signal string) error {
	if out, err := c.bundle.runc(context.Background(), "kill", c.id, signal).CombinedOutput(); err != nil {
		return fmt.Errorf("kill container %s: %w: %s", c.id, err, out)
	}
	return nil
}

// PID is the first process, as the caller sees it.
func (c *Container) PID() (int, error) {
	var stderr bytes.Buffer
	cmd := c.bundle.runc(context.Background(), "state", c.id)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("state of container %s: %w: %s", c.id, err, &stderr)
	}
	var state struct {
		PID int `json:"pid"`
	}
	err = json.Unmarshal(out, &state)
	return state.PID, err
}

// Wait waits for the end and returns the exit code, which is that of the first
// process.
func (c *Container) Wait() (code int, err error) {
	<-c.done
	return c.code, c.err
}
