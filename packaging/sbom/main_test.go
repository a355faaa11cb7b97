package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// build makes the product as the other tests do, so that they share the cache.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dhclient-go")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "urfave_cli_no_docs,urfave_cli_no_suggest", "-o", path, "../../cmd/dhclient-go")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// The document has what `go version -m` says, is one by the rules of CycloneDX,
// and is the same each time.
func TestDocument(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	path := build(t)
	b, err := describe(path, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(b); err != nil {
		t.Errorf("%v\n%s", err, b)
	}
	if again, err := describe(path, "v1.2.3"); err != nil || !bytes.Equal(b, again) {
		t.Errorf("the second time it is another (%v)", err)
	}
	out, err := exec.Command("go", "version", "-m", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); f[0] == "dep" {
			n++
			for _, want := range []string{fmt.Sprintf(`"purl": "pkg:golang/%s@%s"`, f[1], f[2]), fmt.Sprintf(`"value": %q`, f[3])} {
				if !bytes.Contains(b, []byte(want)) {
					t.Errorf("no %s", want)
				}
			}
		}
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil || n == 0 || len(d.Components) != n+1 || len(d.Dependencies[0].On) != n+1 {
		t.Errorf("%d components of %d modules and Go (%v)", len(d.Components), n, err)
	}
	if d.Metadata.Component.Version != "v1.2.3" || d.Metadata.Timestamp != "2023-11-14T22:13:20Z" {
		t.Errorf("%+v", d.Metadata)
	}
}

// valid checks b by the required fields, enumerations, patterns and references
// of the JSON schema of CycloneDX 1.6, for the objects that are used here.
func valid(b []byte) error {
	var top map[string]any
	if err := json.Unmarshal(b, &top); err != nil {
		return err
	}
	v := &validator{refs: map[string]bool{}}
	v.is(top, "bomFormat", `^CycloneDX$`)
	v.is(top, "specVersion", `^1\.6$`)
	v.is(top, "serialNumber", `^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	if n, ok := top["version"].(float64); !ok || n < 1 || n != float64(int(n)) {
		v.fail("version %v", top["version"])
	}
	meta, _ := top["metadata"].(map[string]any)
	if s, ok := meta["timestamp"].(string); ok {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			v.fail("timestamp: %v", err)
		}
	}
	main, _ := meta["component"].(map[string]any)
	v.component(main)
	components, _ := top["components"].([]any)
	for _, c := range components {
		c, _ := c.(map[string]any)
		v.component(c)
	}
	dependencies, _ := top["dependencies"].([]any)
	for _, d := range dependencies {
		d, _ := d.(map[string]any)
		on, _ := d["dependsOn"].([]any)
		for _, ref := range append(on, d["ref"]) {
			if s, _ := ref.(string); !v.refs[s] {
				v.fail("dependency on %v, which is no component", ref)
			}
		}
	}
	if len(components) == 0 || len(dependencies) == 0 {
		v.fail("%d components, %d dependencies", len(components), len(dependencies))
	}
	return v.err
}

type validator struct {
	refs map[string]bool
	err  error
}

func (v *validator) fail(format string, args ...any) {
	if v.err == nil {
		v.err = fmt.Errorf(format, args...)
	}
}

func (v *validator) is(o map[string]any, key, pattern string) {
	if s, ok := o[key].(string); !ok || !regexp.MustCompile(pattern).MatchString(s) {
		v.fail("%s is %v, not %s", key, o[key], pattern)
	}
}

func (v *validator) component(c map[string]any) {
	v.is(c, "type", `^(application|library)$`)
	v.is(c, "name", `.`)
	v.is(c, "version", `.`)
	v.is(c, "bom-ref", `.`)
	v.is(c, "purl", `^pkg:golang/[^\s@]+@[A-Za-z0-9._%+-]+$`)
	ref, _ := c["bom-ref"].(string)
	if v.refs[ref] {
		v.fail("bom-ref %s is there twice", ref)
	}
	v.refs[ref] = true
	hashes, _ := c["hashes"].([]any)
	for _, h := range hashes {
		h, _ := h.(map[string]any)
		v.is(h, "alg", `^SHA-256$`)
		v.is(h, "content", `^[0-9a-f]{64}$`)
	}
	properties, _ := c["properties"].([]any)
	for _, p := range properties {
		p, _ := p.(map[string]any)
		v.is(p, "name", `.`)
		if _, ok := p["value"].(string); !ok {
			v.fail("property %v", p)
		}
	}
}

func TestDescribe_NoGoBinary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := describe(path, ""); err == nil || !strings.Contains(err.Error(), "build information") {
		t.Errorf("%v", err)
	}
}

func TestDescribe_EpochThatIsNone(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := describe(self, "v1"); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("%v", err)
	}
}
