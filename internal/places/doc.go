// Package places tests the program where there is nothing else yet: as the first
// process of a container that runc(8) runs, in a machine that has just booted,
// in a root without /proc, /etc or /run, and called by the scripts of an
// initramfs.
//
// As in package e2e, it is the binary that is tested, and nothing but what
// others see of it: what it prints, what the kernel and a DHCP server say, and
// what the program sees that it starts (package guest).
package places
