package ladder

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ASCIIOnly says that the locale, by its environment variables, is not one of
// UTF-8 (locale(7): LC_ALL counts before LC_CTYPE, and that before LANG).
func ASCIIOnly(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return !strings.Contains(v, "utf-8") && !strings.Contains(v, "utf8")
		}
	}
	return true // the C locale
}

// maxWidth is more than any terminal has.
const maxWidth = 1000

// Width is how many columns the terminal f has now. What is no terminal has as
// many as the environment variable COLUMNS says, or 80.
func Width(f *os.File, getenv func(string) string) int {
	if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		return min(int(size.Col), maxWidth)
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		return min(n, maxWidth)
	}
	return defaultWidth
}
