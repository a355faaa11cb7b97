package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// DefaultHostnameState notes which name of the host is ours.
	DefaultHostnameState = "/run/dhclient-go/hostname"
	// maxHostname is what the kernel takes (__NEW_UTS_LEN, sethostname(2)).
	maxHostname = 64
)

// HostnameConfig says when the host is named. The zero value is ready for use.
type HostnameConfig struct {
	// Always replaces any name. Else only a host gets one that has none, or has
	// the one that it got here before.
	Always bool
	// State is a file that notes which name that is, so that another process
	// knows; empty is DefaultHostnameState. It must not outlive a boot, nor does
	// the name.
	State string
	// Logger gets what was done; nil logs nothing.
	Logger *slog.Logger
}

// A Hostname gives the host the name that a server sends (option 12). It has the
// methods of client.Configurator. The name is the kernel's alone: /etc/hostname
// stays as it is, and has its way with the next boot. When a lease ends the name
// stays: the host has no better one, and programs do not like to see it change.
type Hostname struct {
	cfg HostnameConfig
	log *slog.Logger
}

// NewHostname returns a Hostname for the UTS namespace of the process.
func NewHostname(cfg HostnameConfig) *Hostname {
	if cfg.State == "" {
		cfg.State = DefaultHostnameState
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Hostname{cfg, cfg.Logger}
}

// Apply names the host as next says, if it may: it needs CAP_SYS_ADMIN. Without
// a lease, or for a lease without a name, it does nothing.
func (h *Hostname) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	if next == nil || next.Expired(lease.Now()) {
		return nil
	}
	name := hostname(next.Hostname)
	if name == "" {
		return nil
	}
	was, err := currentHostname()
	switch {
	case err != nil:
		return fmt.Errorf("read the host's name: %w", err)
	case was == name:
		return nil
	case !h.cfg.Always && !unnamed(was) && was != h.ours():
		h.log.Debug("the host has a name, and keeps it", "name", was, "offered", name)
		return nil
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("name the host %s: %w", name, err)
	}
	h.log.Info("named the host", "name", name, "before", was)
	if err := h.note(name); err != nil {
		return fmt.Errorf("note that the host's name %s is ours: %w", name, err)
	}
	return nil
}

// hostname is what the kernel can take of a name; empty if it is none. Cloud
// providers send longer ones, with their domain: it ends at the first dot then.
func hostname(name string) string {
	name = strings.TrimSuffix(name, ".")
	if !lease.ValidName(name) {
		return ""
	}
	if len(name) > maxHostname {
		name, _, _ = strings.Cut(name, ".") // 63 octets at most
	}
	return name
}

// unnamed says that a name is one that systems have before they get one.
func unnamed(name string) bool {
	switch name {
	case "", "(none)", "localhost", "localhost.localdomain":
		return true
	}
	return false
}

func currentHostname() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(u.Nodename[:]), nil
}

// ours is the name that was set here last, by this process or another.
func (h *Hostname) ours() string {
	b, err := readLimited(h.cfg.State)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			h.log.Debug("nobody knows whose the host's name is", "err", err)
		}
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}

func (h *Hostname) note(name string) error {
	if err := os.MkdirAll(filepath.Dir(h.cfg.State), 0o755); err != nil {
		return err
	}
	return replace(h.cfg.State, []byte(name+"\n"), 0o644)
}
