package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What can be done to files, as the kernel learnt to limit it. All of this is
// refused where no rule allows it.
//
// There is more that a newer kernel can limit, and that is left alone on purpose:
// to reach a socket by its path (LANDLOCK_ACCESS_FS_RESOLVE_UNIX), because the
// system log and the service manager make theirs anew; and UDP, whose sockets
// are open. The scopes (LANDLOCK_SCOPE_*) would do harm. Threads that each enter
// Landlock for themselves, as all do here, are strangers to each other until
// Linux 6.15: with LANDLOCK_SCOPE_SIGNAL the Go runtime could not preempt them.
// And LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET would hide from a client the claim that
// another has on its link.
var fileRights = []struct {
	abi    int
	rights uint64
}{
	{1, unix.LANDLOCK_ACCESS_FS_EXECUTE | readRights | writeRights | removeRights |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM},
	{2, unix.LANDLOCK_ACCESS_FS_REFER},
	{3, unix.LANDLOCK_ACCESS_FS_TRUNCATE},
	{5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
}

const (
	readRights = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	// No links that lead elsewhere are made, and nothing but files, folders and
	// sockets.
	writeRights = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK
	removeRights = unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR
	// What a rule for a file, and not a folder, may speak of.
	rightsOfFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	readOnly  = readRights
	remove    = unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
	readWrite = readRights | writeRights | removeRights |
		unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE

	// No socket of ours is TCP. The kernel can say so since its fourth ABI.
	tcpRights    = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	abiOfNetwork = 4
)

// A ruleset is what Landlock will allow.
type ruleset struct {
	fd, abi int
	handled uint64
}

// newRuleset has a rule for each path of cfg, and tells r what paths there are
// not. Nothing is in force yet.
func newRuleset(cfg Config, r *Report) (*ruleset, error) {
	abi, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil, refusal("landlock_create_ruleset", errno)
	}
	s := &ruleset{abi: int(abi)}
	for _, known := range fileRights {
		if s.abi >= known.abi {
			s.handled |= known.rights
		}
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: s.handled}
	if s.abi >= abiOfNetwork {
		attr.Handled_access_net = tcpRights
	}
	// An older kernel takes a longer structure whose end is zero.
	fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return nil, refusal("landlock_create_ruleset", errno)
	}
	s.fd = int(fd)
	for _, group := range []struct {
		paths  []string
		rights uint64
	}{{cfg.ReadWrite, readWrite}, {cfg.Remove, remove}, {cfg.ReadOnly, readOnly}} {
		for _, path := range group.paths {
			if path == "" {
				continue
			}
			if err := s.allow(path, group.rights); err != nil {
				r.Missing = append(r.Missing, err)
			}
		}
	}
	return s, nil
}

// allow adds a rule for path and what is beneath it.
func (s *ruleset) allow(path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	rights &= s.handled
	if err = s.add(fd, rights); errors.Is(err, unix.EINVAL) {
		err = s.add(fd, rights&rightsOfFile) // it is no folder
	}
	if err != nil {
		return fmt.Errorf("%s: landlock_add_rule: %w", path, err)
	}
	return nil
}

func (s *ruleset) add(fd int, rights uint64) error {
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE,
		uintptr(s.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// enforce puts the rules in force on all threads, which must have no_new_privs.
func (s *ruleset) enforce() Part {
	if err := onAllThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(s.fd), 0, 0); err != nil {
		return Part{Err: refusal("landlock_restrict_self", err)}
	}
	return Part{Detail: fmt.Sprintf("ABI %d", s.abi)}
}

func (s *ruleset) close() { _ = unix.Close(s.fd) }
