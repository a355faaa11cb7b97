package sandbox

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Capability sets are two words of 32 bits (capset(2), version 3).
type capabilitySets struct {
	header unix.CapUserHeader
	data   [2]unix.CapUserData
}

// keepCapabilities has all threads keep those capabilities of keep that they
// have, as permitted and effective. None is inheritable, and so none ambient: the
// kernel takes those away with the inheritable ones (capabilities(7)).
//
// The bounding set stays. It limits what a program gains that is executed, which
// is nothing with no_new_privs (security/commoncap.c, cap_bprm_creds_from_file);
// and all threads would stop for each of its forty capabilities.
func keepCapabilities(keep []int) Part {
	now := capabilitySets{header: unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}}
	if err := unix.Capget(&now.header, &now.data[0]); err != nil {
		return Part{Err: refusal("capget", err)}
	}
	next := capabilitySets{header: now.header}
	for _, c := range keep {
		next.data[c/32].Permitted |= now.data[c/32].Permitted & (1 << (c % 32))
	}
	for i := range next.data {
		next.data[i].Effective = next.data[i].Permitted
	}
	what := Part{Detail: next.String()}
	if next.data == now.data {
		return what // and so have all threads
	}
	err := onAllThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&next.header)), uintptr(unsafe.Pointer(&next.data[0])), 0)
	if err != nil {
		return Part{Err: refusal("capset", err)}
	}
	return what
}

// capabilityName names those that a client may keep.
func capabilityName(c int) string {
	switch c {
	case unix.CAP_DAC_OVERRIDE:
		return "cap_dac_override"
	case unix.CAP_NET_BIND_SERVICE:
		return "cap_net_bind_service"
	case unix.CAP_NET_ADMIN:
		return "cap_net_admin"
	case unix.CAP_NET_RAW:
		return "cap_net_raw"
	}
	return fmt.Sprintf("cap_%d", c)
}

// String is the permitted set.
func (s *capabilitySets) String() string {
	var names []string
	for c := range 64 {
		if s.data[c/32].Permitted&(1<<(c%32)) != 0 {
			names = append(names, capabilityName(c))
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ",")
}

// setNoNewPrivs is for this thread, whose filter brings it to the others.
func setNoNewPrivs() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return refusal("prctl", err)
	}
	return nil
}

func setNoNewPrivsOnAll() error {
	if err := onAllThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return refusal("prctl", err)
	}
	return nil
}
