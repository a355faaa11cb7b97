package nettest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// runInit is process 1 of the namespaces: it prepares them, starts the tests
// and exits with their status. The kernel then kills whatever they left.
func runInit() {
	word := os.NewFile(3, "ready")
	syscall.CloseOnExec(3)
	sigs := catchSignals()
	pid := 0
	err := prepare()
	if err == nil {
		pid, err = startTests()
	}
	if err != nil {
		fmt.Fprint(word, err)
		syscall.Exit(1)
	}
	fmt.Fprint(word, "ok")
	word.Close()
	go forward(sigs, func(s os.Signal) error { return syscall.Kill(pid, s.(syscall.Signal)) }, killAfter)
	syscall.Exit(exitCode(reap(pid)))
}

// startTests starts this binary once more. It uses fork itself: os.Process
// would want to wait for its child, which reap does for all.
func startTests() (pid int, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find the test binary: %w", err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, initEnv+"=") })
	pid, err = syscall.ForkExec(exe, os.Args, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", exe, err)
	}
	return pid, nil
}

// reap waits for every child, orphans of the tests among them, until pid ends.
func reap(pid int) syscall.WaitStatus {
	for {
		var s syscall.WaitStatus
		got, err := syscall.Wait4(-1, &s, 0, nil)
		if got == pid || err == syscall.ECHILD {
			return s
		}
	}
}
