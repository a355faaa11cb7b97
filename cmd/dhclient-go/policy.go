package main

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
)

// What netcfg.Config allows of routes and MTUs.
const (
	mostRoutes = 512
	leastMTU   = 68
	usualMTU   = 576
)

func setMaxRoutes(o *options, s string) error {
	return setNumber(&o.netcfg.MaxRoutes, s, 1, mostRoutes)
}
func setMinMTU(o *options, s string) error {
	return setNumber(&o.netcfg.MinMTU, s, leastMTU, math.MaxUint16)
}
func setMaxMTU(o *options, s string) error {
	return setNumber(&o.netcfg.MaxMTU, s, leastMTU, math.MaxUint16)
}

// setNumber reads a number from least to most.
func setNumber(n *int, s string, least, most int) (err error) {
	*n, err = strconv.Atoi(s)
	if err != nil || *n < least || *n > most {
		return fmt.Errorf("%q is not a number from %d to %d", s, least, most)
	}
	return nil
}

// checkPolicy looks for limits that leave nothing between them.
func (o *options) checkPolicy() error {
	least := cmp.Or(o.netcfg.MinMTU, usualMTU)
	if most := o.netcfg.MaxMTU; most != 0 && most < least {
		return &usageError{"--max-mtu", fmt.Sprintf("%d is less than the least MTU, %d (--min-mtu)", most, least)}
	}
	return nil
}
