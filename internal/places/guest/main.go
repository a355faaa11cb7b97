// Command guest is the program that runs where the client is tested: in a
// container, in a machine, in a root that has nothing else. It does what its
// arguments say, one after the other, and prints what it sees.
//
//	guest STEP...
//
//	env          the variables of the lease: "env DHCP4_ADDRESS=192.0.2.10"
//	id           who it is: "id uid=0 gid=0 pid=2 ppid=1"
//	status=PID   rights of a process, a line for each that some thread has:
//	             "status CapEff 0000000000003000"
//	addresses    the links that are up: "address eth0 192.0.2.10/24"
//	resolver     the lines of /etc/resolv.conf: "resolver nameserver 192.0.2.1"
//	lookup=NAME  the address of a name: "lookup www.example.org 192.0.2.80"
//	echo=ADDRESS "echo ok" if what it sends to that TCP port comes back
//	vrf=LINK     makes the link a port of a VRF, vrf0, whose table is 10
//	routes=TABLE the routes in a table: "route 10 default via 192.0.2.1 dev eth0"
//	list=DIR     the names in a directory: "list /run"
//	orphans=N    leaves N processes to process 1, waits until they have ended
//	             and are buried: "orphans 0 zombies"
//	ready        "ready"
//	signal       waits for SIGTERM, SIGINT, SIGHUP or SIGUSR1: "signal terminated"
//	exit=N       ends with that code
//	die=N        ends by that signal
//	poweroff     switches the machine off
//
// A step that fails says so, "lookup: ...", and the next one follows.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

var steps = map[string]func(arg string) error{
	"env":       environment,
	"id":        id,
	"status":    status,
	"addresses": addresses,
	"resolver":  resolver,
	"lookup":    lookup,
	"echo":      echo,
	"vrf":       vrf,
	"routes":    routes,
	"list":      list,
	"orphans":   orphans,
	"ready":     func(string) error { fmt.Println("ready"); return nil },
	"signal":    waitSignal,
	"exit":      exit,
	"die":       die,
	"poweroff":  func(string) error { return syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF) },
}

// came are the signals: asked for at the start, so that none is too early.
var came = make(chan os.Signal, 4)

func main() {
	if len(os.Args) > 1 && os.Args[1] == asOrphan {
		beOrphan(os.Args[2:])
	}
	signal.Notify(came, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	for _, arg := range os.Args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		step, ok := steps[name]
		if !ok {
			fmt.Printf("%s: there is no such step\n", name)
			os.Exit(125)
		}
		if err := step(value); err != nil {
			fmt.Printf("%s: %v\n", name, err)
		}
	}
}
