// Package isc reads and writes the files of ISC dhclient: dhclient.conf(5) and
// dhclient.leases(5).
//
// It is pure: it reads the text that it is given and files that it is told to
// read, and knows no network. All of it is bounded, whoever wrote the file.
//
// # dhclient.conf
//
// Parse and ReadFile give a Config. What is not a statement of the language
// costs that statement, which is named by file and line in Config.Warnings; the
// statements after it are read as if it were not there. What leaves no doubt
// about where a statement ends, an unterminated string or block, is an error.
//
// Config.ForInterface gives what holds for one interface, as dhclient does: an
// interface block begins with a copy of the settings above it, while send,
// default, supersede, prepend and append of the outer scope apply first,
// wherever they stand, and those of the block after them.
//
// # dhclient.leases
//
// ParseLeases reads it, Store keeps a client's lease in it.
package isc
