// Package cni is what the plugin dhclient-go-cni and an agent say to one another:
// the plugin is started by a container runtime for each operation of the Container
// Network Interface, and ends with it; the agent stays, and has the leases.
//
// # The protocol
//
// Over a unix socket of the agent's the plugin sends one line of JSON, a Request,
// and reads one line of JSON, an Answer. Closing the connection before that takes
// the request back. Only root, or the user that the agent runs as, is answered,
// by the kernel's word of who has connected (SO_PEERCRED, unix(7)); and the plugin
// asks only a process of root's, or of its own user.
//
// What a Request holds has come from a runtime, a network's configuration and
// whoever may connect: Decode returns nothing that the fields' comments forbid.
// What a peer can do is bounded: see the constants of server.go.
//
// Package attach is the agent's side: what it does for an attachment.
package cni

// Version is that of the protocol. Fields may be added to it; who reads ignores
// those that he does not know.
const Version = 1

// DefaultSocket is where the agent listens, and the plugin asks.
const DefaultSocket = "/run/dhclient-go/cni/agent.sock"
