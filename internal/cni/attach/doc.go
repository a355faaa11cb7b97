// Package attach is what an agent does for the plugin dhclient-go-cni: it gets a
// lease for a container's link, and keeps it until the runtime takes the link back.
//
// A plugin for IP addresses puts none on the link: the plugin that has made the
// link does, when it has heard which (SPEC.md, section 4). From then on the address
// is the agent's to answer for. It has the kernel end the address with the lease,
// renews it, and takes it off when there is no right to it any more; the next one
// it puts on itself, with its routes. The link is never taken down.
//
// keeper.go has the operations, attachment.go what there is for each, place.go the
// link as the client sees it, record.go what outlives the agent: two
// files for each attachment, of the request and of the lease.
package attach
