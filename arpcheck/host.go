package arpcheck

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// isOurs says that m is a link of this host: the kernel answers on each link for
// the addresses of all.
func (d *Detector) isOurs(m mac) bool {
	return d.link.isOurs(m) || d.ours != nil && d.ours(m[:])
}

// isOurs looks through the links with an IPv4 address in the socket's
// namespace, which need not be that of any thread: so it asks the socket.
func (s *socket) isOurs(m mac) (ours bool) {
	_ = s.Control(func(fd int) error {
		for _, req := range linksWithAddress(fd) {
			if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, &req); err == nil && hardwareAddr(&req) == m {
				ours = true
			}
		}
		return nil
	})
	return ours
}

// linksWithAddress returns requests that name those links (SIOCGIFCONF of
// netdevice(7)), one for each of their addresses.
func linksWithAddress(fd int) []unix.Ifreq {
	const size = int32(unsafe.Sizeof(unix.Ifreq{}))
	var conf ifconf
	if conf.ask(fd) != nil || conf.len < size { // without a buffer it says how much there is
		return nil
	}
	reqs := make([]unix.Ifreq, conf.len/size)
	conf = ifconf{len: int32(len(reqs)) * size, req: &reqs[0]}
	if conf.ask(fd) != nil {
		return nil
	}
	return reqs[:conf.len/size]
}

// ifconf is struct ifconf.
type ifconf struct {
	len int32 // octets
	req *unix.Ifreq
}

func (c *ifconf) ask(fd int) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCGIFCONF, uintptr(unsafe.Pointer(c))); errno != 0 {
		return errno
	}
	return nil
}

// hardwareAddr is the answer to SIOCGIFHWADDR; zeros if it is not Ethernet's.
func hardwareAddr(req *unix.Ifreq) mac {
	r := (*struct { // struct ifreq
		name   [unix.IFNAMSIZ]byte
		family uint16
		data   [14]byte
	})(unsafe.Pointer(req))
	if r.family != unix.ARPHRD_ETHER {
		return mac{}
	}
	return mac(r.data[:6])
}
