// Command bench measures dhclient-go beside other clients, in one run, on one
// veth pair, against one dnsmasq: time from exec to address, size, idle memory
// and idle wake-ups. Everything happens in namespaces of its own.
//
// `make bench` builds what it needs and runs it. Absolute times are the
// machine's; what counts are the ratios within a run.
package main
