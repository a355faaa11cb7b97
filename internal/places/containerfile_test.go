package places_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An instruction is one of a Containerfile (containerfile(5)).
type instruction struct{ name, rest string }

// readContainerfile reads the example, stage by stage.
func readContainerfile(t *testing.T) (stages [][]instruction) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "examples", "container", "Containerfile"))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if name == "FROM" {
			stages = append(stages, nil)
		}
		stages[len(stages)-1] = append(stages[len(stages)-1], instruction{name, rest})
	}
	return stages
}

// The first stage of the Containerfile builds as the Makefile does, with the Go
// that go.mod names.
func TestContainerfile_Build(t *testing.T) {
	t.Parallel()
	stages := readContainerfile(t)
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	must(t, err)
	_, version, _ := strings.Cut(stages[0][0].rest, "golang:")
	version, _, _ = strings.Cut(version, " ")
	if !strings.Contains(string(mod), "\ngo "+version+"\n") && !strings.Contains(string(mod), "\ngo "+version+".") {
		t.Errorf("it builds with Go %q, which go.mod does not name", version)
	}
	i := slices.IndexFunc(stages[0], func(s instruction) bool { return s.name == "RUN" })
	if i < 0 || !strings.HasPrefix(stages[0][i].rest, "make build ") {
		t.Fatalf("it does not build by the Makefile: %v", stages[0])
	}
	cmd := exec.Command("make", append([]string{"--no-print-directory", "-n"}, strings.Fields(stages[0][i].rest)[1:]...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	must(t, err)
	from, _, _ := strings.Cut(strings.TrimPrefix(stages[1][1].rest, "--from=build "), " ")
	if !strings.Contains(string(out), "-o "+from+" ./cmd/dhclient-go\n") {
		t.Errorf("%s is not what this builds:\n%s", from, out)
	}
}

// The image that it makes has one file; a container of it, with a program as its
// arguments, has an address.
func TestContainerfile_Image(t *testing.T) {
	t.Parallel()
	stage := readContainerfile(t)[1]
	if stage[0] != (instruction{"FROM", "scratch"}) {
		t.Errorf("the image is not from scratch: %v", stage[0])
	}
	b := newBox(t)
	must(t, os.RemoveAll(filepath.Join(b.Dir, "rootfs")))
	b.Spec.Process.Args = nil
	for _, s := range stage[1:] {
		switch s.name {
		case "COPY":
			to := strings.Fields(s.rest)
			b.put(t, filepath.Join("rootfs", to[len(to)-1]), 0o755, programs["dhclient-go"])
		case "ENTRYPOINT":
			must(t, json.Unmarshal([]byte(s.rest), &b.Spec.Process.Args))
		default:
			t.Errorf("what is %s?", s.name)
		}
	}
	// An image of one's own adds the program, and says CMD.
	b.put(t, "rootfs/guest", 0o755, programs["guest"])
	b.Spec.Process.Args = append(b.Spec.Process.Args, append([]string{"/guest"}, look...)...)
	b.start(t)
	b.ends(t, 0)
	b.out.has(t, slices.Concat(leased, named)...)
	b.isBare(t)
}
