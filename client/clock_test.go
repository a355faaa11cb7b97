package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wallClock are the files that may read the clock of package time, and why.
var wallClock = map[string]string{
	"client/lease/clock.go":                "the origin of the line of time",
	"client/lease/file.go":                 "what is written beside CLOCK_BOOTTIME, for another boot",
	"client/auth.go":                       "the replay counter of RFC 3118, which is never less than before",
	"netcfg/station.go":                    "the age of a list, by the monotonic clock",
	"client/internal/alarm/simulate.go":    "Go's own clock, in tests that drive it",
	"client/agent/member.go":               "rests between restarts, by the monotonic clock",
	"client/agent/pace.go":                 "how long a lease takes, by the monotonic clock",
	"client/internal/rawudp/claim.go":      "a wait of seconds, by the monotonic clock",
	"client/internal/rawudp/handover.go":   "waits of seconds, by the monotonic clock",
	"client/internal/rawudp/neighbours.go": "a wait of less than a second, by the monotonic clock",
	"client/internal/rawudp/send.go":       "a wait of less than a second, by the monotonic clock",
}

// Nothing but what is listed reads the wall clock: no step of it can move a
// timer of a lease (LIF-07).
func TestWallClockIsNotRead_LIF_07(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, dir := range []string{"client", "netcfg", "arpcheck", "internal/poll"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			for _, at := range readings(t, path) {
				read[name] = true
				if wallClock[name] == "" {
					t.Errorf("%v reads the wall clock", at)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range wallClock {
		if !read[name] {
			t.Errorf("%s does not read the wall clock any more", name)
		}
	}
}

// readings are where a file mentions time.Now, time.Since or time.Until.
func readings(t *testing.T, path string) (list []token.Position) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
			list = append(list, files.Position(s.Pos()))
		}
		return true
	})
	return list
}
