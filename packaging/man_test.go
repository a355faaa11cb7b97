package packaging_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The page has every flag of the help, and is well formed.
func TestManualPage(t *testing.T) {
	need(t, "mandoc")
	page := install(t, "share/man/man8/dhclient-go.8")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(b), ".\\\"") || !strings.Contains(string(b), "\n.Dd November 14, 2023\n") || strings.Contains(string(b), "@") && regexp.MustCompile(`@[A-Z]+@`).Match(b) {
		t.Errorf("the page begins %.200s", b)
	}
	out := must(t, "mandoc", "-T", "ascii", page)
	out = regexp.MustCompile(".\b").ReplaceAllString(out, "") // bold and underlined
	for _, name := range helpFlags(t) {
		if !regexp.MustCompile(`(?m)^ +(-., )?--` + name + `([\[ ]|$)`).MatchString(out) {
			t.Errorf("no --%s in the page", name)
		}
	}
	formats(t, page)
}

// The page of the other names is well formed, and says where their flags are.
func TestManualPageOfTheOtherNames(t *testing.T) {
	need(t, "mandoc")
	page := install(t, "share/man/man7/dhclient-go-compat.7")
	text := regexp.MustCompile(".\b").ReplaceAllString(must(t, "mandoc", "-T", "ascii", page), "")
	for _, want := range []string{"dhclient.conf(5)", "docs/migrating.md", "November 14, 2023"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	formats(t, page)
}

// formats fails the test where a program that formats the page has something against it.
func formats(t *testing.T, page string) {
	t.Helper()
	lint, _ := output("", nil, "mandoc", "-T", "lint", page) // its exit code is that of the worst line
	for line := range strings.Lines(lint) {
		// Those depend on what else this machine has.
		if !strings.Contains(line, "referenced manual not found") && !strings.Contains(line, "mandoc.db") {
			t.Error(line)
		}
	}
	if _, err := exec.LookPath("man"); err == nil {
		cmd := exec.Command("man", "--local-file", "--warnings", "-Tutf8", page)
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("man: %v\n%s", err, &said)
		}
	}
}
