package arpcheck

import (
	"fmt"
	"net"
)

// Follow goes on with the link of that index and hardware address; index 0 is
// none. If that is another one than before, a probe that runs begins anew, and
// announcements and router requests that were still to be sent are not: the
// caller knows better what the new link may be told. A defence goes on. An error
// is as index 0.
func (d *Detector) Follow(index int, addr net.HardwareAddr) error {
	m, err := station(index, addr)
	if err != nil {
		return fmt.Errorf("follow link %d: %w", index, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("follow link %d: %w", index, net.ErrClosed)
	}
	// Also if it is the same: a link that was removed and made again with its
	// old index and address is another one.
	d.hears = wanted{}
	err = d.link.follow(index)
	if err != nil {
		err = fmt.Errorf("follow link %d: %w", index, err)
		index = 0
	}
	if index != d.index || m != d.mac {
		d.move(index, m)
	}
	d.tune()
	return err
}

// move goes on with another link, or another address of it.
func (d *Detector) move(index int, m mac) {
	if index != d.index {
		d.conflicts, d.defended = 0, false
	}
	d.index, d.mac = index, m
	d.drop(kindQuery)
	if d.job != nil {
		d.job.moved()
	}
}
