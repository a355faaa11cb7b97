//go:build generate

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// oddTopic has commands, and help texts with what shells and mdoc(7) take for
// their own.
func oddTopic() *topic {
	return &topic{
		date: "November 14, 2023",
		groups: []flagGroup{{"It's odd", []flagRow{
			{name: "odd", short: "o", value: "MODE", help: ".it isn't: [a] \\n b; $(touch x) `touch x`\n'and more\" {c}",
				set: func(_ *options, s string) error { return &wordError{s, []string{"on", "off"}} }},
			{name: "plain", help: "a switch. Two sentences"},
		}}},
		commands: []command{
			{name: "status", help: "shows the client's state: [all] of it"},
			{name: "stop", help: "ends it"},
		},
	}
}

// generated writes what the topic gives, by the file's name.
func generated(t *testing.T, name string) string {
	t.Helper()
	for _, out := range outputs {
		if filepath.Base(out.path) != name {
			continue
		}
		text, err := out.write(oddTopic(), "../../packaging/man")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Fatalf("no output %s", name)
	return ""
}

// printed is what a program prints; it is skipped where it is not installed, but
// in continuous integration.
func printed(t *testing.T, argv ...string) []string {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil && os.Getenv("CI") != "true" {
		t.Skipf("no %s here", argv[0])
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=dumb", "LC_ALL=C.UTF-8")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	if left, _ := os.ReadDir(cmd.Dir); len(left) > 0 {
		t.Errorf("%q made %v", argv, left)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// A command is offered in the first place; behind it stand interfaces, and no
// flags of the client.
func TestGenerate_Commands(t *testing.T) {
	nettest.Require(t)
	const bash = `source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dhclient_go; printf '%s\n' "${COMPREPLY[@]-}"`
	zsh, err := filepath.Abs("../../packaging/testdata/complete.zsh")
	if err != nil {
		t.Fatal(err)
	}
	for name, complete := range map[string]func(t *testing.T, line string) []string{
		"bash": func(t *testing.T, line string) []string {
			argv := []string{"bash", "--norc", "-uc", bash, "bash", generated(t, "dhclient-go.bash")}
			return printed(t, append(argv, strings.Split(line, " ")...)...)
		},
		"zsh": func(t *testing.T, line string) []string {
			return printed(t, "zsh", "-f", zsh, filepath.Dir(generated(t, "_dhclient-go")), line)
		},
		"fish": func(t *testing.T, line string) []string {
			out := printed(t, "fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", generated(t, "dhclient-go.fish"), line)
			for i := range out {
				out[i], _, _ = strings.Cut(out[i], "\t")
			}
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, row := range []struct {
				line string
				want []string
			}{
				{"dhclient-go st", []string{"status", "stop"}},
				{"dhclient-go --o", []string{"--odd"}},
				{"dhclient-go --odd ", []string{"off", "on"}},
				{"dhclient-go status --o", []string{""}},
				{"dhclient-go --plain st", []string{""}},
			} {
				got := complete(t, row.line)
				slices.Sort(got)
				if !slices.Equal(got, row.want) {
					t.Errorf("%q: %q, want %q", row.line, got, row.want)
				}
			}
		})
	}
}

// The help text is text in the page too.
func TestGenerate_ManualPage(t *testing.T) {
	page := generated(t, "dhclient-go.8")
	printed(t, "mandoc", "-T", "lint", "-W", "warning", page)
	text := strings.Join(strings.Fields(strings.Join(printed(t, "mandoc", "-T", "ascii", "-O", "width=300", page), " ")), " ")
	text = strings.ReplaceAll(text, "\b", "")
	for _, want := range []string{
		"COMMANDS", "Shows the client's state: [all] of it.", "ends it",
		".it isn't: [a] \\n b; $(touch x) `touch x` 'and more\" {c}.", "A switch. Two sentences.",
	} {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) && !strings.Contains(text, overstruck(want)) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// overstruck is how mandoc prints bold on paper, less the backspaces.
func overstruck(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(string(r) + string(r))
	}
	return b.String()
}

// A word that the flag itself refuses is not offered.
func TestGenerate_WordThatIsRefused(t *testing.T) {
	moreWords["odd"] = []string{"neither"}
	defer delete(moreWords, "odd")
	for _, out := range outputs {
		if out.path == "man/dhclient-go-compat.7" {
			continue // which has no flags
		}
		if _, err := out.write(oddTopic(), "../../packaging/man"); err == nil || !strings.Contains(err.Error(), "--odd") {
			t.Errorf("%s: %v", out.path, err)
		}
	}
}
