package main

import (
	"os"

	"github.com/dhclient-go/dhclient-go/client/hook"
)

// firstFile is the first of paths that is a file; empty for none.
func firstFile(paths ...string) string {
	for _, path := range paths {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// scriptOf is the configuration of a script that sets up the link; none for an
// empty path.
func scriptOf(path string, dialect hook.Dialect) hook.Config {
	if path == "" {
		return hook.Config{}
	}
	return hook.Config{Programs: []string{path}, Dialect: dialect, Configures: true, Attached: true}
}

// oneExit is the exit code of programs that have one for all failures.
func oneExit(err error) int {
	if err == nil {
		return exitDone
	}
	return exitRuntime
}
