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
// can be found again by another process. An address is ours if a lease has it
// and it has a lifetime, or is permanent and an earlier lease never expires; any
// other permanent address is an administrator's, and stays as it is even when it
// is leased. A route is ours if it is on the link, has protocol dhcp, prefers a
// leased address as its source, and has our metric or the destination and
// gateway of a route of the lease. Nothing is ever flushed. Each route's
// preferred source ties it to the address: when the kernel expires the address,
// because the client died, the routes go with it.
//
// Three things on the link itself are changed. It is brought up
// (Config.LeaveDown) and, if asked for, gets the MTU of the lease until that
// ends (Config.LinkMTU). And its sysctl promote_secondaries is turned on and not
// put back: without it the kernel removes, together with the first address of a
// subnet, all others of that subnet, those of the administrator and the one of
// the next lease too, also when it expires an address of a client that died; so
// it has to stay after the client has ended.
//
// [Resolver] hands a lease's name servers to systemd-resolved, resolvconf or
// resolv.conf. What stood in the file comes back after the last lease, also if
// the host was started in between: it goes along in the file, as comments.
// [Hostname] gives the host the name that the server sends. Link, Resolver and
// Hostname have the methods of client.Configurator, and Link those of
// client.LinkWatcher; this package imports neither of them.
package netcfg
