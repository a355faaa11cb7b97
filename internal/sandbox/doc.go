// Package sandbox takes from a running process what it does not need any more:
// capabilities, files, and system calls.
//
// A client needs the most in its first milliseconds. When its sockets are open,
// it reads what anybody may send it, and needs no right but to set addresses and
// to write its lease. Enter gives up the rest, for all threads that the process
// has and will have, and nothing can bring it back:
//
//   - privileges.go: capabilities(7), and no_new_privs (prctl(2)), by which no
//     program that is executed has more than who executes it;
//   - landlock.go: landlock(7), which has files opened beneath a few folders
//     only, and no program executed;
//   - seccomp.go: seccomp(2), which has the kernel refuse all but the system
//     calls in calls.go.
//
// What a kernel, or a container around the process, does not offer is left out:
// the Report says so. Landlock limits neither packet sockets nor netlink; there
// the capabilities and the system calls count.
//
// Linux keeps all of this for each thread, and a Go program has several that no
// goroutine can choose among. Only the runtime knows them all, and lets them do a
// call together (syscall.AllThreadsSyscall): so a program with C in it, whose
// threads the runtime may not know, enters nothing.
package sandbox
