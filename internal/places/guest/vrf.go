package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"
)

// vrfTable is the table of vrf0.
const vrfTable = 10

func vrf(name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "vrf0"
	master := &netlink.Vrf{LinkAttrs: attrs, Table: vrfTable}
	port, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.LinkAdd(master); err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetUp(master), netlink.LinkSetMaster(port, master))
}

func routes(table string) error {
	n, err := strconv.Atoi(table)
	if err != nil {
		return err
	}
	list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: n}, netlink.RT_FILTER_TABLE)
	for _, r := range list {
		link, linkErr := netlink.LinkByIndex(r.LinkIndex)
		if linkErr != nil {
			return linkErr
		}
		text := fmt.Sprintf("route %d %v", n, r.Dst)
		if ones, _ := r.Dst.Mask.Size(); ones == 0 {
			text = fmt.Sprintf("route %d default", n)
		}
		if r.Gw != nil {
			text += fmt.Sprintf(" via %v", r.Gw)
		}
		fmt.Printf("%s dev %s %v\n", text, link.Attrs().Name, r.Protocol)
	}
	return err
}
