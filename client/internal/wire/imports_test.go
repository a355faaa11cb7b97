package wire

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The design lets wire see the vocabulary, the protocol's types and the codec.
func TestImports(t *testing.T) {
	allowed := map[string]bool{
		"github.com/dhclient-go/dhclient-go/client/internal/fsm": true,
		"github.com/dhclient-go/dhclient-go/client/lease":        true,
		"github.com/insomniacslk/dhcp/dhcpv4":                    true,
		"github.com/dhclient-go/dhclient-go/internal/hmacmd5":    true,
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && !allowed[path] {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
