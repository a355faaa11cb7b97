// Package docs_test holds the documents to what they say of the code.
package docs_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
)

// A row is a line of a table of conformance.md, or of the list that it has to
// cover.
type row struct {
	id, priority, area string
	behaviour, note    string
	tests              []string // "package Test", or "package Test/sub"
	line               int
}

// TestConformance has conformance.md cover every row of the list, once, and
// name only tests that are there.
func TestConformance(t *testing.T) {
	listed, written := readList(t, "testdata/rows.txt"), readTables(t, "conformance.md")
	sources := parseTests(t, "..")
	found := map[string]row{}
	for _, r := range written {
		at := "conformance.md:" + strconv.Itoa(r.line) + ": " + r.id
		if first, twice := found[r.id]; twice {
			t.Errorf("%s stands on line %d already", at, first.line)
		}
		found[r.id] = r
		want, ok := listed[r.id]
		switch {
		case !ok:
			t.Errorf("%s is not in the list", at)
		case want.priority != r.priority || want.area != r.area:
			t.Errorf("%s has %s in area %s, in the list %s in area %s", at, r.priority, r.area, want.priority, want.area)
		case r.behaviour == "":
			t.Errorf("%s: it is not said what is to be", at)
		case len(r.tests) == 0 && r.note == "":
			t.Errorf("%s has neither a test nor a reason", at)
		}
	}
	eachLine(t, "conformance.md", func(n int, line string) {
		for _, m := range namedTest.FindAllStringSubmatch(line, -1) {
			if why := sources.missing(m[1]); why != "" {
				t.Errorf("conformance.md:%d: %q: %s", n, m[1], why)
			}
		}
	})
	for id := range listed {
		if _, ok := found[id]; !ok {
			t.Errorf("conformance.md has no %s", id)
		}
	}
	shown := 0
	for _, r := range found {
		if len(r.tests) > 0 {
			shown++
		}
	}
	t.Logf("%d rows, %d of them shown by tests", len(found), shown)
}

func readList(t *testing.T, path string) map[string]row {
	t.Helper()
	listed := map[string]row{}
	eachLine(t, path, func(n int, line string) {
		f := strings.Fields(line)
		if len(f) != 3 {
			t.Fatalf("%s:%d: %q is not id, priority and area", path, n, line)
		}
		if _, twice := listed[f[0]]; twice {
			t.Fatalf("%s:%d: %s again", path, n, f[0])
		}
		listed[f[0]] = row{id: f[0], priority: f[1], area: f[2]}
	})
	return listed
}

var (
	areaHead = regexp.MustCompile(`^## (\d+)\. `)
	rowID    = regexp.MustCompile(`^[A-Z0-9]+-\d+$`)
	// namedTest is how a test is named everywhere in the document.
	namedTest = regexp.MustCompile("`([a-z0-9/-]+ (?:Test|Fuzz)[^`]*)`")
)

// readTables returns the rows of every table whose first column is an id.
func readTables(t *testing.T, path string) (rows []row) {
	t.Helper()
	area := ""
	eachLine(t, path, func(n int, line string) {
		if m := areaHead.FindStringSubmatch(line); m != nil {
			area = m[1]
		} else if strings.HasPrefix(line, "## ") {
			area = ""
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) < 2 || !rowID.MatchString(cells[1]) || area == "" {
			return
		}
		if len(cells) != 7 {
			t.Fatalf("%s:%d: %d columns, want 5", path, n, len(cells)-2)
		}
		if left := strings.TrimSpace(namedTest.ReplaceAllString(cells[4], "")); left != "" {
			t.Fatalf("%s:%d: %q is no test", path, n, left)
		}
		r := row{id: cells[1], priority: cells[2], area: area, behaviour: cells[3], note: cells[5], line: n}
		for _, m := range namedTest.FindAllStringSubmatch(cells[4], -1) {
			r.tests = append(r.tests, m[1])
		}
		rows = append(rows, r)
	})
	return rows
}

// eachLine calls f with the lines that are neither empty nor, in a list, a
// comment.
func eachLine(t *testing.T, path string, f func(n int, line string)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	for n := 1; s.Scan(); n++ {
		if line := s.Text(); line != "" && !strings.HasPrefix(line, "# ") {
			f(n, line)
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

// A testSource is what the test files of a package have: functions, and strings
// as the names of subtests that they may be.
type testSource struct{ functions, strings map[string]bool }

type testSources struct {
	root     string
	packages map[string]testSource
}

// parseTests reads every test file below root.
func parseTests(t *testing.T, root string) testSources {
	t.Helper()
	all := testSources{root, map[string]testSource{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		all.add(filepath.ToSlash(pkg), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (all testSources) add(pkg string, file *ast.File) {
	source, ok := all.packages[pkg]
	if !ok {
		source = testSource{map[string]bool{}, map[string]bool{}}
		all.packages[pkg] = source
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				source.functions[n.Name.Name] = true
			}
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
				source.strings[strings.ReplaceAll(s, " ", "_")] = true
			}
		}
		return true
	})
}

// hostileRows are the rows of the table of hostile servers, by the names of
// their tests, with the ids that they say they show.
func hostileRows() map[string][]string {
	rows := map[string][]string{}
	for _, g := range hostile.Table() {
		for _, r := range g.Rows {
			rows[strings.ReplaceAll(g.Title+"/"+r.Name, " ", "_")] = r.IDs
		}
	}
	return rows
}

// TestHostileRows has both tables agree: what a row of the table of hostile
// servers says that it shows is in the list, and what conformance.md says of it
// stands there, too.
func TestHostileRows(t *testing.T) {
	listed, rows := readList(t, "testdata/rows.txt"), hostileRows()
	for name, ids := range rows {
		for _, id := range ids {
			if _, ok := listed[id]; !ok {
				t.Errorf("%s shows %s, which is not in the list", name, id)
			}
		}
	}
	for _, r := range readTables(t, "conformance.md") {
		for _, test := range r.tests {
			_, name, ok := strings.Cut(test, " TestHostileServers/")
			if ok && !slices.Contains(rows[name], r.id) {
				t.Errorf("conformance.md:%d: %q does not say that it shows %s", r.line, name, r.id)
			}
		}
	}
}

// missing says what is not there of a test; nothing if all is.
func (all testSources) missing(name string) string {
	pkg, test, ok := strings.Cut(name, " ")
	if !ok {
		return "not a package and a test"
	}
	source, ok := all.packages[pkg]
	if !ok {
		return "no tests in such a package"
	}
	function, sub, _ := strings.Cut(test, "/")
	if !strings.HasPrefix(function, "Test") && !strings.HasPrefix(function, "Fuzz") || !source.functions[function] {
		return "no such test"
	}
	switch {
	case sub == "":
	case function == "TestHostileServers" || function == "TestHostile":
		if _, ok := hostileRows()[sub]; !ok {
			return "no such row of the table of hostile servers"
		}
	case function == "TestTranscripts":
		if _, err := os.Stat(filepath.Join(all.root, filepath.FromSlash(pkg), "testdata", sub+".txt")); err != nil {
			return "no such transcript"
		}
	case !source.strings[sub]:
		return "no string of that name in the test files"
	}
	return ""
}
