// Package peers plays the table of hostile servers (package hostile) against the
// clients of others, and writes what they did to docs/conformance.md:
//
//	make peers
//
// Each client runs in network and mount namespaces of its own: on eth0, a veth
// whose other end are the servers, and with a private /run, /etc and /var/lib. It
// has the configuration of its Debian package, but for what it needs to run
// without init and udev. All are judged by the same observations, of the wire and
// of the link, and by the checks that are for any client (Row.Want).
//
// A cell that shows a fault is measured twice more.
package peers
