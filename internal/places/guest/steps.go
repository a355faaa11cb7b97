package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long anything may take.
const patience = 20 * time.Second

func environment(string) error {
	all := os.Environ()
	slices.Sort(all)
	for _, v := range all {
		if strings.HasPrefix(v, "DHCP4_") {
			fmt.Println("env", v)
		}
	}
	return nil
}

func id(string) error {
	fmt.Printf("id uid=%d gid=%d pid=%d ppid=%d\n", os.Getuid(), os.Getgid(), os.Getpid(), os.Getppid())
	return nil
}

func status(pid string) error {
	said := map[string]bool{}
	threads, err := filepath.Glob("/proc/" + pid + "/task/*/status")
	if err == nil && len(threads) == 0 {
		err = errors.New("no thread of " + pid)
	}
	for _, file := range threads {
		b, readErr := os.ReadFile(file)
		err = errors.Join(err, readErr)
		for line := range strings.Lines(string(b)) {
			key, value, _ := strings.Cut(line, ":")
			switch key {
			case "Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp":
				said[fmt.Sprintf("status %s %s", key, strings.Join(strings.Fields(value), " "))] = true
			}
		}
	}
	for _, line := range slices.Sorted(maps.Keys(said)) {
		fmt.Println(line)
	}
	return err
}

func addresses(string) error {
	links, err := net.Interfaces()
	for _, link := range links {
		addrs, addrErr := link.Addrs()
		err = errors.Join(err, addrErr)
		for _, a := range addrs {
			if link.Flags&net.FlagUp != 0 {
				fmt.Println("address", link.Name, a)
			}
		}
	}
	return err
}

func resolver(string) error {
	b, err := os.ReadFile("/etc/resolv.conf")
	for line := range strings.Lines(string(b)) {
		fmt.Println("resolver", strings.TrimSpace(line))
	}
	return err
}

func lookup(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
	if err != nil {
		return err
	}
	fmt.Println("lookup", name, addrs[0])
	return nil
}

func echo(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	const said = "to and fro\n"
	heard := make([]byte, len(said))
	err = errors.Join(conn.SetDeadline(time.Now().Add(patience)), second(io.WriteString(conn, said)), second(io.ReadFull(conn, heard)))
	if err == nil && string(heard) != said {
		err = fmt.Errorf("%q came back", heard)
	}
	if err == nil {
		fmt.Println("echo ok")
	}
	return err
}

func second(_ int, err error) error { return err }

func list(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	names := []string{"list", dir}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	fmt.Println(strings.Join(names, " "))
	return nil
}

func waitSignal(string) error {
	fmt.Println("signal", <-came)
	return nil
}

func exit(code string) error {
	n, err := strconv.Atoi(code)
	if err == nil {
		os.Exit(n)
	}
	return err
}

func die(number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	signal.Reset(syscall.Signal(n))
	if err := syscall.Kill(os.Getpid(), syscall.Signal(n)); err != nil {
		return err
	}
	select {} // it comes
}
