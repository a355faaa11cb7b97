// Package e2e tests the program as it is shipped: the binary, started in a
// network namespace on a switch with servers that nobody here wrote (dnsmasq,
// ISC dhcpd, Kea, udhcpd), and with one that lies (package dhcptest).
//
// A test looks at three things only: the frames on the wire, what the kernel
// reports of addresses and routes (ip-monitor(8)), and what the program prints.
// The tests of one scenario are a row of servers, named as the programs are:
//
//	go test ./internal/e2e -run 'TestRebind_RFC2131_4_4_5/kea-dhcp4'
//
// All of them run side by side, since most of their time is waiting for leases
// of twelve seconds to grow old.
//
// With E2E_COVERDIR set, the binary is built for coverage (-cover, mode set)
// and each process leaves its data in that directory, for go tool covdata.
package e2e
