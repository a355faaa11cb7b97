// Package hostile is a table of what DHCP servers do to their clients, a row for
// each misbehaviour: who answers, how it lies, and what must be seen of the
// client then.
//
// A row asks for nothing but what is on the wire and on the link, so that any
// client can be judged by it. The same rows run in memory and in virtual time
// against the library (package client), on a pair of veth against the binary
// (internal/e2e), and there against the clients of others (internal/peers, whose
// result is docs/conformance.md).
//
// The scene is always the same: the network 10.99.0.0/24, in which the first
// server is 10.99.0.1 and gives 10.99.0.50 for an hour, the second is 10.99.0.2
// and gives 10.99.0.60, and so on. The client is new on the link; it remembers
// nothing.
package hostile
