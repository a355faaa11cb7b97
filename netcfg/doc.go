// Package netcfg makes a Linux link match a DHCP lease: the address, the
// routes, the MTU and the resolver.
//
// A [Namespace] is a handle on a network namespace, a [Link] one Ethernet link
// in it. Link.Apply is declarative: the lease becomes a plan (what should be
// there), the plan and what the kernel has become a list of changes, additions
// before removals, and those are carried out. A renewal therefore changes the
// lifetime of the address and nothing else, and no connection notices.
//
// What is ours is told from what is not by the kernel's own marks, so that it
// can be found again by another process: routes on the link with protocol dhcp
// whose preferred source is a leased address, and the leased address itself as
// long as it has a lifetime. Nothing is ever flushed. Each route's preferred
// source ties it to the address: when the kernel expires the address, because
// the client died, the routes go with it.
//
// [Resolver] hands a lease's name servers to systemd-resolved, resolvconf or
// resolv.conf. Link and Resolver have the methods of client.Configurator, and
// Link those of client.LinkWatcher; this package imports neither of them.
package netcfg
