// Package dhcptest is a DHCP server whose every answer can be scripted, for
// tests and for `make demo`.
//
// Server is the protocol alone: bytes and a time in, bytes and where they go
// out. Two things run it: Link, a network in memory for testing/synctest, and
// Conn, a packet socket on a real link. Squat is the other host of an address
// conflict. Package hostile below has what such a server can do to a client, row by
// row.
package dhcptest
