// Package control lets commands talk to the clients that run: over a unix socket
// of each process, in a directory that all of them share.
//
// The mode of the socket is what guards it: it is 0600 and its owner's, from the
// moment that it has a name, and whoever may write to it may do all that there
// is. An owner who wants others to may open it for them.
//
// # The protocol
//
// Who asks sends one line of JSON, a Request, and reads lines of JSON, each an
// Answer, until the end: the last has Done, or Error. A line without either at
// the end means that the process has ended. Sending anything more, or closing
// one's end, ends the conversation. A process answers for those of its links that
// are in the network namespace that is asked about; that may be none of them.
//
// What a peer can do is bounded: see the constants of server.go.
package control

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Version is that of the protocol. Fields may be added to it; who reads ignores
// those that he does not know.
const Version = 1

// Suffix is what the names of sockets end with.
const Suffix = ".sock"

// A Request is what is wanted.
type Request struct {
	// Version is Version.
	Version int `json:"version"`
	// Command is what to do.
	Command string `json:"command"`
	// Interface is the link that it is about; empty for each.
	Interface string `json:"interface,omitempty"`
	// Netns is the network namespace whose links are meant: the number of its
	// inode, as Netns returns it.
	Netns uint64 `json:"netns,omitempty"`
	// Home says that links elsewhere are meant too, if the process that serves
	// them is in Netns.
	Home bool `json:"home,omitempty"`
}

// An Answer is a line of what a process says. One of its fields is set.
type Answer struct {
	// Link is a link and how it is.
	Link json.RawMessage `json:"link,omitempty"`
	// Event is news of a link.
	Event json.RawMessage `json:"event,omitempty"`
	// Dropped is how many events were left out here, since nobody read them.
	Dropped uint64 `json:"dropped,omitempty"`
	// Error is why the request was not served.
	Error string `json:"error,omitempty"`
	// Done says that this was all.
	Done bool `json:"done,omitempty"`
}

// parse reads a Request.
func parse(line []byte) (*Request, error) {
	var r Request
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("the request is no JSON object: %w", err)
	}
	switch {
	case r.Version != Version:
		return nil, fmt.Errorf("version %d of the protocol is asked for, and this is %d", r.Version, Version)
	case r.Command == "":
		return nil, errors.New("the request has no command")
	}
	return &r, nil
}

// Netns identifies the network namespace of the calling thread; 0 if it cannot
// be known (there is no /proc).
func Netns() uint64 {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return 0
	}
	return st.Ino
}

// SameNetns says that two namespaces are the same, as far as is known.
func SameNetns(a, b uint64) bool { return a == b || a == 0 || b == 0 }
