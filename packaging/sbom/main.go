// Command sbom writes what a Go binary is made of, as CycloneDX 1.6 in JSON: what
// `go version -m` shows, in a form that scanners read.
//
//	sbom -version VERSION BINARY >dhclient-go.cdx.json
//
// The same binary gives the same document: it has no time but that of
// SOURCE_DATE_EPOCH, and its serial number is made from the binary.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

func main() {
	version := flag.String("version", "", "version of the program")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "Usage: sbom [-version VERSION] BINARY")
		os.Exit(64)
	}
	b, err := describe(flag.Arg(0), *version)
	if err == nil {
		_, err = os.Stdout.Write(b)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sbom: %v\n", err)
		os.Exit(1)
	}
}

// describe is the document about the binary at path.
func describe(path, version string) ([]byte, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read build information: %w", err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read binary: %w", err)
	}
	if version == "" {
		version = info.Main.Version
	}
	d, err := documentOf(info, version, sha256.Sum256(binary))
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the document: %w", err)
	}
	return append(b, '\n'), nil
}

func documentOf(info *debug.BuildInfo, version string, sum [sha256.Size]byte) (*document, error) {
	d := &document{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Serial: serial(sum),
		Metadata: metadata{Component: component{
			Type: "application", Ref: purl(info.Main.Path, version), Name: info.Main.Path, Version: version,
			URL:    purl(info.Main.Path, version),
			Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}},
		}},
	}
	for _, s := range info.Settings {
		d.Metadata.Component.Properties = append(d.Metadata.Component.Properties, property{"build:" + s.Key, s.Value})
	}
	if s := os.Getenv("SOURCE_DATE_EPOCH"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		d.Metadata.Timestamp = time.Unix(n, 0).UTC().Format(time.RFC3339)
	}
	std := debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}
	root := dependency{Ref: d.Metadata.Component.Ref}
	for _, m := range append([]*debug.Module{&std}, info.Deps...) {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component{Type: "library", Ref: purl(m.Path, m.Version), Name: m.Path, Version: m.Version, URL: purl(m.Path, m.Version)}
		if m.Sum != "" {
			c.Properties = []property{{"go:sum", m.Sum}} // of its files, as go.sum has it
		}
		d.Components = append(d.Components, c)
		root.On = append(root.On, c.Ref)
	}
	d.Dependencies = []dependency{root}
	return d, nil
}

// purl is the package URL of a Go module (github.com/package-url/purl-spec).
func purl(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.NewReplacer("+", "%2B", "(", "%28", ")", "%29", "~", "%7E").Replace(version)
}

// serial is a UUID of version 8 (RFC 9562 5.8) from the binary's hash.
func serial(sum [sha256.Size]byte) string {
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	s := hex.EncodeToString(u)
	return "urn:uuid:" + strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}
