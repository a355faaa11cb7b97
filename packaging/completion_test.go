package packaging_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// Each shell takes its file, and the file has every flag of the help.
func TestCompletion_FlagsOfTheHelp(t *testing.T) {
	for _, shell := range []struct{ name, path, flag string }{
		{"bash", "share/bash-completion/completions/dhclient-go", " --"},
		{"zsh", "share/zsh/site-functions/_dhclient-go", "--"},
		{"fish", "share/fish/vendor_completions.d/dhclient-go.fish", " -l "},
	} {
		t.Run(shell.name, func(t *testing.T) {
			need(t, shell.name)
			path := install(t, shell.path)
			must(t, shell.name, "-n", path)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			words := strings.NewReplacer("'", " ", "=", " ", "[", " ", "{", " ", "}", " ", ",", " ", "\n", " ").Replace(string(b))
			for _, name := range helpFlags(t) {
				word := shell.flag + name + " "
				if shell.name == "bash" {
					word = "--" + name + " "
				}
				if !strings.Contains(words, word) {
					t.Errorf("no --%s in %s", name, shell.path)
				}
			}
		})
	}
}

// completions are rows that hold for each shell: what stands before the cursor,
// what must be offered, and what must not.
var completions = []struct {
	line      string
	want, not []string
}{
	{"dhclient-go ", []string{"eth7", "wlan0"}, []string{"lo"}},
	{"dhclient-go --oneshot et", []string{"eth7"}, []string{"wlan0"}},
	{"dhclient-go -i ", []string{"eth7", "wlan0"}, []string{"lo", "--oneshot"}},
	{"dhclient-go --on", []string{"--oneshot", "--on-exit"}, []string{"--timeout"}},
	{"dhclient-go --on-exit ", []string{"keep", "remove", "release"}, []string{"eth7"}},
	{"dhclient-go --on-exit re", []string{"remove", "release"}, []string{"keep"}},
	{"dhclient-go --acd ", []string{"rfc5227", "optimistic", "off", "200ms"}, []string{"eth7"}},
	{"dhclient-go --retransmit ", []string{"fast", "rfc2131"}, nil},
	{"dhclient-go eth7 --log-format ", []string{"text", "json"}, []string{"eth7"}},
	{"dhclient-go -O ntp", []string{"ntp-servers"}, []string{"routers"}},
	{"dhclient-go --lease-dir ", []string{"deep"}, []string{"note"}},
	{"dhclient-go --resolv-conf no", []string{"note"}, []string{"deep"}},
}

func TestCompletion_Bash(t *testing.T) {
	need(t, "bash")
	path := install(t, "share/bash-completion/completions/dhclient-go")
	const script = `source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_dhclient_go dhclient-go "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"`
	h := newHost(t)
	complete := func(t *testing.T, words ...string) []string {
		return h.lines(t, append([]string{"bash", "--norc", "-uc", script, "bash", path}, words...)...)
	}
	for _, row := range completions {
		check(t, row.line, complete(t, strings.Split(row.line, " ")...), row.want, row.not)
	}
	// Bash takes the equals sign for a word.
	check(t, "--on-exit=", complete(t, "dhclient-go", "--on-exit", "="), []string{"keep", "remove"}, []string{"eth7"})
	check(t, "--on-exit=ke", complete(t, "dhclient-go", "--on-exit", "=", "ke"), []string{"keep"}, []string{"remove"})
	check(t, "-O dns,ntp-s", complete(t, "dhclient-go", "-O", "dns,ntp-s"), []string{"dns,ntp-servers"}, nil)
	check(t, "--wait-link e", complete(t, "dhclient-go", "--wait-link", "e"), []string{"eth7"}, nil)
}

func TestCompletion_Fish(t *testing.T) {
	need(t, "fish")
	path := install(t, "share/fish/vendor_completions.d/dhclient-go.fish")
	h := newHost(t)
	complete := func(t *testing.T, line string) []string {
		out := h.lines(t, "fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, path, line)
		for i := range out {
			out[i], _, _ = strings.Cut(out[i], "\t") // then comes the description
			out[i] = strings.TrimSuffix(out[i], "/")
		}
		return out
	}
	for _, row := range completions {
		not := row.not
		if row.line == "dhclient-go --resolv-conf no" {
			not = nil // fish offers what contains the letters, too
		}
		check(t, row.line, complete(t, row.line), row.want, not)
	}
	check(t, "-O dns,", complete(t, "dhclient-go -O dns,ntp-s"), []string{"dns,ntp-servers"}, nil)
}

func TestCompletion_Zsh(t *testing.T) {
	need(t, "zsh")
	dir := filepath.Dir(install(t, "share/zsh/site-functions/_dhclient-go"))
	script, err := filepath.Abs("testdata/complete.zsh")
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	complete := func(t *testing.T, line string) []string { return h.lines(t, "zsh", "-f", script, dir, line) }
	for _, row := range completions {
		check(t, row.line, complete(t, row.line), row.want, row.not)
	}
	check(t, "--on-exit=re", complete(t, "dhclient-go --on-exit=re"), []string{"remove", "release"}, []string{"keep"})
	check(t, "-O dns,", complete(t, "dhclient-go -O dns,ntp-s"), []string{"ntp-servers"}, nil)
	check(t, "-q --q", complete(t, "dhclient-go -q --qu"), nil, []string{"--quiet"}) // once is enough
}

// A host has lo, eth7 and wlan0, and a directory with the directory deep and the
// file note.
type host struct {
	*nettest.NS
	dir string
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{NS: nettest.NewNS(t, "host"), dir: t.TempDir()}
	nettest.Veth(t, h.NS, "eth7", h.NS, "wlan0")
	if err := errors.Join(os.Mkdir(h.dir+"/deep", 0o755), os.WriteFile(h.dir+"/note", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	return h
}

// lines runs a program there, and returns the lines that it prints.
func (h *host) lines(t *testing.T, argv ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := h.Command(ctx, argv[0], argv[1:]...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "HOME="+h.dir, "TERM=dumb", "LANG=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func check(t *testing.T, line string, got, want, not []string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%q: no %q in %q", line, w, got)
		}
	}
	for _, w := range not {
		if slices.Contains(got, w) {
			t.Errorf("%q: %q in %q", line, w, got)
		}
	}
}
