package ladder

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// LC_ALL counts before LC_CTYPE, that before LANG; an empty one does not count.
func TestASCIIOnly(t *testing.T) {
	for _, tt := range []struct {
		vars map[string]string
		want bool
	}{
		{nil, true},
		{map[string]string{"LANG": "C.UTF-8"}, false},
		{map[string]string{"LANG": "de_DE.utf8"}, false},
		{map[string]string{"LANG": "de_DE@euro"}, true},
		{map[string]string{"LANG": "C.UTF-8", "LC_ALL": "C"}, true},
		{map[string]string{"LANG": "C.UTF-8", "LC_ALL": ""}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, false},
		{map[string]string{"LC_ALL": "en_US.UTF-8", "LC_CTYPE": "POSIX"}, false},
	} {
		if got := ASCIIOnly(env(tt.vars)); got != tt.want {
			t.Errorf("%v: %v", tt.vars, got)
		}
	}
}

// What is no terminal is as wide as COLUMNS says.
func TestWidth_OfAFile(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for columns, want := range map[string]int{"": 80, "132": 132, "0": 80, "-3": 80, "wide": 80, "99999999999999999999": 80, "5000": maxWidth} {
		if got := Width(f, env(map[string]string{"COLUMNS": columns})); got != want {
			t.Errorf("COLUMNS=%q: %d, want %d", columns, got, want)
		}
	}
}

// A terminal knows how wide it is, whatever COLUMNS says.
func TestWidth_OfATerminal(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer tty.Close()
	for _, columns := range []uint16{132, 60} {
		if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
			t.Fatal(err)
		}
		if got := Width(tty, env(map[string]string{"COLUMNS": "99"})); got != int(columns) {
			t.Errorf("%d columns, want %d", got, columns)
		}
	}
}
