package places_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

const (
	// builtEnv is the directory in which the outer process has left the
	// programs, for those in the namespaces.
	builtEnv = "DHCLIENT_GO_PLACES_BUILT"
	// patience is how long anything may take on a busy machine.
	patience = 60 * time.Second
)

// root is that of the sources.
var root = filepath.Join("..", "..")

// programs are what was built, by name. In memory, since the file that one test
// executes may not be open for writing by another.
var programs = map[string][]byte{"dhclient-go": nil, "guest": nil, "dhclient-go-cni": nil}

func TestMain(m *testing.M) {
	if os.Getenv(builtEnv) == "" {
		// Not in the namespaces, where neither modules nor a toolchain in
		// /var/lib could be found.
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, "places:", err)
			os.Exit(1)
		}
	}
	nettest.Enter()
	dir := os.Getenv(builtEnv)
	for name := range programs {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			fmt.Fprintln(os.Stderr, "places:", err)
			os.Exit(1)
		}
		programs[name] = b
	}
	cnitool, _ = os.ReadFile(filepath.Join(dir, "cnitool"))
	yamljson, _ = os.ReadFile(filepath.Join(dir, "yamljson"))
	os.RemoveAll(dir)
	os.Exit(m.Run())
}

// build makes the programs static and stripped, as they are shipped.
func build() error {
	dir, err := os.MkdirTemp("", "dhclient-go-places-")
	if err != nil {
		return err
	}
	var tools sync.WaitGroup
	tools.Go(func() { buildTools(dir) })
	defer tools.Wait()
	cmd := exec.Command("go", "build", "-tags", "urfave_cli_no_docs,urfave_cli_no_suggest", "-ldflags", "-s -w",
		"-o", dir, "./cmd/dhclient-go", "./cmd/dhclient-go-cni", "./internal/places/guest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		tools.Wait()
		os.RemoveAll(dir)
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return os.Setenv(builtEnv, dir)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file, and makes the directory that it is in.
func put(t *testing.T, path string, mode os.FileMode, content []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	// What another test starts meanwhile would hold it open for writing.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	must(t, os.WriteFile(path, content, mode))
}

// missing skips a test that lacks something; in continuous integration it fails.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// unpacked is where a Debian package lies that `make deps` has unpacked.
func unpacked(t *testing.T, pkg string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(root, "bin", "debs", pkg))
	must(t, err)
	if _, err := os.Stat(dir); err != nil {
		missing(t, "package %s is not unpacked (make deps): %v", pkg, err)
	}
	return dir
}

// only is the one file that matches.
func only(t *testing.T, pattern ...string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(pattern...))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%s: %d of these, want one", filepath.Join(pattern...), len(found))
	}
	return found[0]
}

// eventually waits for what gives no sign by itself.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("no %s in %v", what, patience)
		}
	}
}

// An output is what something prints, which a test may wait for.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ReplaceAll(o.text.String(), "\r\n", "\n")
}

// includes says that a line stands in the output.
func (o *output) includes(line string) bool { return strings.Contains("\n"+o.String(), "\n"+line+"\n") }

// has fails the test unless each of these lines stands in the output.
func (o *output) has(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !o.includes(line) {
			t.Errorf("there is no line %q", line)
		}
	}
}

// isReady waits for the line "ready" of a program that has not ended.
func (o *output) isReady(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	eventually(t, "program that is ready", func() bool {
		select {
		case <-ended:
			t.Fatal("it has ended")
		default:
		}
		return o.includes("ready")
	})
}
