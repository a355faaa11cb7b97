package e2e_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

const (
	// builtEnv is the directory in which the outer process has left the
	// binary, for those in the namespaces.
	builtEnv = "DHCLIENT_GO_E2E_BUILT"
	coverEnv = "E2E_COVERDIR"
	name     = "dhclient-go"
	// side is how many tests run at a time: they wait, most of them.
	side = "128"
)

// installed returns the path of the binary, in the namespaces.
var installed func() (path string, err error)

func TestMain(m *testing.M) {
	if os.Getenv(builtEnv) == "" {
		// Not in the namespaces, where neither modules nor a toolchain in
		// /var/lib could be found.
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(1)
		}
	}
	nettest.Enter()
	program, err := takeOver()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	installed = installer(program)
	go meter.run()
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		_ = flag.Set("test.parallel", side)
	}
	os.Exit(m.Run())
}

// build makes the binary as the Makefile does.
func build() error {
	dir, err := os.MkdirTemp("", "dhclient-go-e2e-")
	if err != nil {
		return err
	}
	args := []string{"build", "-tags", "urfave_cli_no_docs,urfave_cli_no_suggest", "-o", filepath.Join(dir, name)}
	if to := os.Getenv(coverEnv); to != "" {
		args = append(args, "-cover", "-covermode=set", "-coverpkg=./...")
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
	}
	cmd := exec.Command("go", append(args, "./cmd/dhclient-go")...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return fmt.Errorf("build the program under test: %w\n%s", err, out)
	}
	return os.Setenv(builtEnv, dir)
}

// takeOver reads the binary into memory, and leaves nothing of it behind.
func takeOver() (program []byte, err error) {
	dir := os.Getenv(builtEnv)
	defer os.RemoveAll(dir)
	return os.ReadFile(filepath.Join(dir, name))
}

// installer writes the binary where the file system is a private one.
func installer(program []byte) func() (path string, err error) {
	return sync.OnceValues(func() (string, error) {
		if err := lookAtSources(filepath.Join("..", "..")); err != nil {
			return "", err
		}
		path := filepath.Join("/run", "e2e", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		// A process that another test starts meanwhile would hold the file
		// open for writing, and nobody can execute it then.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		return path, os.WriteFile(path, program, 0o755)
	})
}

// lookAtSources has the go command know that the result depends on what the
// binary is made of: it caches a result until a file changes that the test has
// looked at.
func lookAtSources(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		source := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") || d != nil && d.Name() == "go.mod"
		if err == nil && source {
			_, err = os.Stat(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody edits just now
		}
		return err
	})
}
