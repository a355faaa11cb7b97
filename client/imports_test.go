package client_test

import (
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dhclient-go/dhclient-go/"

// imports is who may import what, of ours and of others; the standard library
// is free to all but fsm, which has a test of its own. Who is not listed may
// import anything: commands, tests and their helpers.
var imports = map[string][]string{
	"client/lease":           {},
	"client/internal/fsm":    {"client/lease"},
	"client/internal/wire":   {"client/internal/fsm", "client/lease", "internal/hmacmd5", "github.com/insomniacslk/dhcp/"},
	"client/internal/alarm":  {"client/lease", "internal/poll", "golang.org/x/sys/unix"},
	"client/internal/rawudp": {"client/lease", "internal/packetsocket", "internal/poll", "github.com/vishvananda/netlink", "golang.org/x/"},
	"client": {"client/lease", "client/internal/alarm", "client/internal/fsm", "client/internal/wire", "client/internal/rawudp",
		"internal/poll", "internal/roomy", "golang.org/x/sys/unix"},
	"netcfg":                {"client/lease", "github.com/vishvananda/", "golang.org/x/sys/unix"},
	"arpcheck":              {"internal/packetsocket", "internal/poll", "github.com/mdlayher/arp", "github.com/mdlayher/ethernet", "golang.org/x/"},
	"internal/packetsocket": {"golang.org/x/"},
	"internal/poll":         {"internal/roomy", "golang.org/x/sys/unix"},
	"internal/roomy":        {},
	"internal/option":       {"client/lease"},
	"client/hook":           {"client", "client/lease", "internal/option"},
	"internal/ladder":       {"client/lease", "golang.org/x/sys/unix"},
	"internal/capture":      {"internal/poll", "github.com/mdlayher/packet", "golang.org/x/"},
}

// cliOnly is imported by cmd/ alone, and by the benchmark that measures its
// cost: it is two megabytes of any binary.
const cliOnly = "github.com/urfave/cli"

// TestImports holds the tree to the import rules of the package comment: they
// are what keeps the protocol free of I/O and the library small.
func TestImports(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != root && (name[0] == '.' || name == "testdata" || name == "tools") {
			return filepath.SkipDir
		}
		p, err := build.ImportDir(path, 0)
		if err != nil {
			return nil // no Go files here
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		seen[rel] = true
		check(t, rel, p.Imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range imports {
		if !seen[pkg] {
			t.Errorf("there is no package %s: is this list out of date?", pkg)
		}
	}
}

func check(t *testing.T, pkg string, imported []string) {
	allowed, ruled := imports[pkg]
	for _, imp := range imported {
		name := strings.TrimPrefix(imp, module)
		if strings.HasPrefix(imp, cliOnly) && !strings.HasPrefix(pkg, "cmd/") && !strings.HasPrefix(pkg, "bench/") {
			t.Errorf("%s imports %s, which only cmd/ may", pkg, imp)
		}
		if !ruled || !strings.Contains(strings.Split(imp, "/")[0], ".") {
			continue // the standard library
		}
		ok := slices.ContainsFunc(allowed, func(a string) bool {
			return name == a || strings.HasSuffix(a, "/") && strings.HasPrefix(name, a)
		})
		if !ok {
			t.Errorf("%s imports %s, which the import rules do not have", pkg, imp)
		}
	}
}
