package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	// builtEnv is where the outer process has left the program under test for
	// the one in the namespaces, which may see neither modules nor a toolchain.
	builtEnv = "DHCLIENT_GO_CHAOS_BUILT"
	// workDir is in the private /run.
	workDir = "/run/chaos"
)

// build makes the program under test as the Makefile does, unless this is the
// process for which that was done.
func build() error {
	if os.Getenv(builtEnv) != "" {
		return nil
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	dir, err := os.MkdirTemp("", "dhclient-go-chaos-")
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-tags", "urfave_cli_no_docs,urfave_cli_no_suggest",
		"-o", filepath.Join(dir, "dhclient-go"), "./cmd/dhclient-go")
	cmd.Dir = strings.TrimSpace(string(root))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return fmt.Errorf("build the program under test: %w\n%s", err, out)
	}
	return os.Setenv(builtEnv, dir)
}

// install moves the program that build made to where labs find it, in the
// private file system.
func install() (path string, err error) {
	dir := os.Getenv(builtEnv)
	defer func() { _ = os.RemoveAll(dir) }()
	program, err := os.ReadFile(filepath.Join(dir, "dhclient-go"))
	if err != nil {
		return "", fmt.Errorf("find the program under test: %w", err)
	}
	path = filepath.Join(workDir, "dhclient-go")
	if err := os.MkdirAll(workDir, 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, program, 0o755)
}
