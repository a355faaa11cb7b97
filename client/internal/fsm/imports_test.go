package fsm

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"testing"
)

// pure is what the machine may import: values and functions, nothing that does
// I/O, waits or logs. time is here for its types; its clock is not.
var pure = []string{
	"bytes", "encoding/binary", "errors", "math", "math/bits", "math/rand/v2", "net/netip", "slices", "time",
	"github.com/dhclient-go/dhclient-go/client/lease",
}

// impure is what of the pure packages reads a clock, waits, or is chance that no
// seed repeats. lease has a clock and a store too.
var impure = map[string][]string{
	"time":         {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local"},
	"math/rand/v2": {"Int", "IntN", "Int32", "Int32N", "Int64", "Int64N", "Uint32", "Uint32N", "Uint64", "Uint64N", "UintN", "N", "Float32", "Float64", "ExpFloat64", "NormFloat64", "Perm", "Shuffle"},
	"github.com/dhclient-go/dhclient-go/client/lease": {"Now", "SinceBoot", "BootID", "Dir"},
}

// TestPure_Design_2: the machine does no I/O, reads no clock, starts nothing and
// waits for nothing.
func TestPure_Design_2(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(pkg.GoFiles) == 0 || len(pkg.CgoFiles) > 0 {
		t.Fatalf("files: %v, with cgo: %v", pkg.GoFiles, pkg.CgoFiles)
	}
	for _, imported := range pkg.Imports {
		if !slices.Contains(pure, imported) {
			t.Errorf("imports %s", imported)
		}
	}
	for _, name := range pkg.GoFiles {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, complaint := range impurities(file) {
			t.Errorf("%v: %s", files.Position(complaint.at), complaint.what)
		}
	}
}

type complaint struct {
	at   token.Pos
	what string
}

// impurities finds what must not stand in the source of the machine.
func impurities(file *ast.File) (found []complaint) {
	packages := map[string]string{} // by the name that the file has for them
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(imported)
		if imported == "math/rand/v2" {
			name = "rand"
		}
		if spec.Name != nil {
			name = spec.Name.Name
			if name == "." {
				found = append(found, complaint{spec.Pos(), "a dot import"})
			}
		}
		packages[name] = imported
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, complaint{n.Pos(), "starts a goroutine"})
		case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			found = append(found, complaint{n.Pos(), "a channel"})
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
				found = append(found, complaint{n.Pos(), "prints"})
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && slices.Contains(impure[packages[x.Name]], n.Sel.Name) {
				found = append(found, complaint{n.Pos(), "uses " + x.Name + "." + n.Sel.Name})
			}
		}
		return true
	})
	return found
}

// TestImpurities: what TestPure looks for is found where it is.
func TestImpurities(t *testing.T) {
	const source = `package p
import ("math/rand/v2"; clock "time"; . "os")
func f(c chan int) {
	go f(nil)
	c <- rand.IntN(3)
	select {}
	clock.Sleep(1)
	_ = clock.Now()
	println(Args)
}`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if found := impurities(file); len(found) != 9 {
		t.Errorf("%d found, want 9: %v", len(found), found)
	}
}
