// Package packaging_test installs and packs the program as `make` does, and looks
// at what comes of it with the tools that will read it: dpkg, systemd, mandoc,
// the shells.
package packaging_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// TestMain puts the tests into namespaces of their own: dpkg writes where root
// may, and init scripts start clients.
func TestMain(m *testing.M) { nettest.Main(m) }

const (
	version = "v1.2.3-4-g0123abc"
	// epoch is the time that all files have.
	epoch = "1700000000" // 2023-11-14 22:13:20
)

// scratch is for what the tests share; TestMain does not return to remove it,
// so it lies in the private /run.
const scratch = "/run/packaging"

// binary is the program, built once, with the plugin beside it. They are compiled as
// for the other tests, so that they share the cache; what the product has in addition
// makes it smaller.
var binary = sync.OnceValues(func() (string, error) {
	return scratch + "/dhclient-go", run("", []string{"CGO_ENABLED=0"}, "go", "build", "-buildvcs=false", "-tags", "urfave_cli_no_docs,urfave_cli_no_suggest",
		"-ldflags", "-s -w -X main.version="+version, "-o", scratch+"/", "../cmd/dhclient-go", "../cmd/dhclient-go-cni")
})

// program is the path of the built program.
func program(t *testing.T) string {
	t.Helper()
	nettest.Require(t)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// variables are those that make and the scripts get.
func variables(t *testing.T) []string {
	t.Helper()
	return []string{"VERSION=" + version, "ARCH=" + runtime.GOARCH, "BIN=" + program(t), "SOURCE_DATE_EPOCH=" + epoch}
}

// makeTarget runs make for a target in the top directory.
func makeTarget(t *testing.T, target string, vars ...string) {
	t.Helper()
	args := append([]string{"-s", "--no-print-directory", target, "GEN=" + t.TempDir()}, variables(t)...)
	if err := run("..", nil, "make", append(args, vars...)...); err != nil {
		t.Fatal(err)
	}
}

// prefix is where installed has the program; the paths in it are real.
const prefix = scratch + "/prefix"

// installed is the program installed once, for tests that only look at it.
var installed = sync.OnceValue(func() error {
	path, err := binary()
	if err != nil {
		return err
	}
	return run("..", nil, "make", "-s", "--no-print-directory", "install", "GEN="+scratch+"/gen", "PREFIX="+prefix,
		"VERSION="+version, "BIN="+path, "SOURCE_DATE_EPOCH="+epoch)
})

// install returns the path of an installed file.
func install(t *testing.T, path string) string {
	t.Helper()
	nettest.Require(t)
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(prefix, path)
}

// A failure is a program that failed, with what it said.
type failure struct {
	argv []string
	err  error
	said string
}

// Error has the command, how it ended and its output.
func (e *failure) Error() string {
	return strings.Join(e.argv, " ") + ": " + e.err.Error() + "\n" + e.said
}

// Unwrap returns how it ended.
func (e *failure) Unwrap() error { return e.err }

// run runs a program in dir, with more variables in its environment.
func run(dir string, env []string, name string, args ...string) error {
	_, err := output(dir, env, name, args...)
	return err
}

// output is run that returns what the program printed, on both its outputs.
func output(dir string, env []string, name string, args ...string) (string, error) {
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return "", err
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	// What a make around the tests says to its children is not for ours.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=")
	})
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), &failure{append([]string{name}, args...), err, out.String()}
	}
	return out.String(), nil
}

// must is output that fails the test.
func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := output("", nil, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// need skips the test where a program is missing; in continuous integration that
// is a failure.
func need(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s here", name)
	}
	t.Skipf("no %s here", name)
}

// files lists what is below dir, but directories, with their modes.
func files(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		paths = append(paths, info.Mode().String()+" "+rel)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return paths
}

// helpFlags are the long flags that the program itself lists.
func helpFlags(t *testing.T) (names []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^  (?:-.,|   ) --([a-z0-9-]+)`).FindAllStringSubmatch(must(t, program(t), "--help"), -1) {
		names = append(names, m[1])
	}
	if len(names) < 20 || !slices.Contains(names, "on-exit") {
		t.Fatalf("the help lists the flags %q", names)
	}
	return names
}
