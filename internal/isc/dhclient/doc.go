// Package dhclient holds package isc against the program whose files it reads
// and writes: ISC's dhclient, which the Debian package isc-dhcp-client has.
package dhclient
