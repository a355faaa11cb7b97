// Package helper has a second process do what the first must not: run programs
// and write files that belong to the whole host. So the process that reads from
// the network can give up its rights to do either (package sandbox).
//
// Start executes the program again. The new process finds by Main that it is the
// helper, reads its configuration, which names for good every program and every
// path that it may ever use, and then takes requests: they name a link and an
// operation, and carry leases and reasons, nothing that is a path or a program.
// A request that does not parse, or asks for more, ends it.
//
// The two speak over a socket pair, in messages of JSON with their length before
// them (message.go). Requests of one link are done in their order, those of
// several side by side. What the helper logs comes back and is logged by the
// first process, before the answer that it belongs to. If the first process
// ends, however it does, the helper reads the end of the socket: it ends what it
// runs, and then itself. If the helper dies, requests fail with ErrLost, and the
// first process goes on: an address needs no helper.
//
// helper.go, start.go, script.go and process.go are the first process's side;
// main.go, serve.go, link.go and program.go are the helper.
package helper
