package servers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func udhcpdConfigure(dir string, o Options) ([]string, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	db := filepath.Join(dir, udhcpdDB)
	line("interface %s", o.Interface)
	line("start %v\nend %v", o.PoolFirst, o.PoolLast)
	line("lease_file %s\npidfile %s", db, filepath.Join(dir, "udhcpd.pid"))
	// The database is written when it is told to, not by the clock.
	line("auto_time 0\nmin_lease 1")
	line("option subnet %v", net.IP(net.CIDRMask(o.ServerAddr.Bits(), 32)))
	line("option lease %s", seconds(o.Lease))
	if o.T1 != 0 {
		line("option 0x3a %08x", int(o.T1/time.Second))
	}
	if o.T2 != 0 {
		line("option 0x3b %08x", int(o.T2/time.Second))
	}
	if o.Router.IsValid() {
		line("option router %v", o.Router)
	}
	for _, a := range o.DNS {
		line("option dns %v", a)
	}
	if o.Domain != "" {
		line("option domain %s", o.Domain)
	}
	if o.MTU != 0 {
		line("option mtu %d", o.MTU)
	}
	for mac, addr := range o.Reserved {
		line("static_lease %s %v", mac, addr)
	}
	for _, extra := range o.Extra {
		line("%s", extra)
	}
	conf := filepath.Join(dir, "udhcpd.conf")
	if err := os.WriteFile(conf, []byte(b.String()), 0o644); err != nil {
		return nil, err
	}
	// -a: how long it waits, in milliseconds, for others to answer ARP for an
	// address before it offers it.
	return []string{"-f", "-a", "1", conf}, nil
}

// udhcpdFlush has the server write its file, and waits until it has.
func udhcpdFlush(s *Server) error {
	db := filepath.Join(s.dir, udhcpdDB)
	if err := os.Remove(db); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return err
	}
	for deadline := time.Now().Add(stopLimit); time.Now().Before(deadline); time.Sleep(pollEvery) {
		if _, err := os.Stat(db); err == nil && !holds(s.cmd.Process.Pid, db) {
			return nil
		}
	}
	return fmt.Errorf("no %s in %v", db, stopLimit)
}

// holds says that a process has a file open.
func holds(pid int, path string) bool {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	return slices.ContainsFunc(links, func(link string) bool {
		to, err := os.Readlink(link)
		return err == nil && to == path
	})
}

const (
	udhcpdDB   = "udhcpd.leases"
	udhcpdHead = 8                  // when the file was written
	udhcpdRow  = 4 + 4 + 6 + 20 + 2 // remaining seconds, address, MAC, name, padding
)

// udhcpdLeases reads rows of fixed size, in network order.
func udhcpdLeases(dir string) (map[netip.Addr]LeaseInfo, error) {
	b, err := os.ReadFile(filepath.Join(dir, udhcpdDB))
	if err != nil {
		return nil, err
	}
	leases := map[netip.Addr]LeaseInfo{}
	if len(b) < udhcpdHead {
		return leases, nil
	}
	written := time.Unix(int64(binary.BigEndian.Uint64(b)), 0)
	for row := range slices.Chunk(b[udhcpdHead:], udhcpdRow) {
		if len(row) == udhcpdRow {
			leases[netip.AddrFrom4([4]byte(row[4:8]))] = udhcpdLease(row, written)
		}
	}
	return leases, nil
}

func udhcpdLease(row []byte, written time.Time) LeaseInfo {
	left := time.Duration(binary.BigEndian.Uint32(row)) * time.Second
	name, _, _ := bytes.Cut(row[14:34], []byte{0})
	l := LeaseInfo{State: "leased", MAC: net.HardwareAddr(row[8:14]), Hostname: string(name), Expires: written.Add(left)}
	switch {
	case bytes.Equal(row[8:14], make([]byte, 6)):
		l.State, l.MAC = "declined", nil
	case left == 0:
		l.State = "ended"
	}
	l.Active = l.State == "leased"
	return l
}
