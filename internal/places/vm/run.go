package vm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// program emulates a PC.
const program = "qemu-system-x86_64"

// Installed says that there is a QEMU.
func Installed() bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// clock says how fast the processor counts. The kernel would measure it against
// a timer, which fails on a busy host, and then wait for ever. It is about right:
// the machine's second may be a little shorter or longer than the host's.
const clock = "tsc_early_khz=2000000"

// Config is a machine.
type Config struct {
	// Kernel is the file of a bzImage.
	Kernel string
	// Initramfs is what the kernel unpacks, at most a third of the memory.
	Initramfs []byte
	// Arguments are more words for the kernel's command line. What follows a
	// word "--" goes to the first process.
	Arguments []string
	// MiB is the memory; 0 is 192.
	MiB int
	// Net has more settings of QEMU's network (qemu(1), -netdev user), such as
	// "guestfwd=tcp:10.0.2.100:7-cmd:cat". The machine gets 10.0.2.15 of it
	// and is told of a router 10.0.2.2 and a name server 10.0.2.3.
	Net []string
}

// Run boots the machine and returns when it has powered itself off, or has gone
// down in a panic, which only the console tells apart. The end of ctx is that
// of the machine, and an error.
func Run(ctx context.Context, c Config, console io.Writer) error {
	dir, err := os.MkdirTemp("", "vm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	initramfs := filepath.Join(dir, "initramfs")
	if err := os.WriteFile(initramfs, c.Initramfs, 0o600); err != nil {
		return err
	}
	// Two processors' work, for which others need not wait.
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "10", program}, c.arguments(initramfs)...)...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = console, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, cmp.Or(context.Cause(ctx), err), &said)
	}
	if said.Len() > 0 {
		return errors.New(program + " says: " + said.String())
	}
	return nil
}

// arguments are those of a microvm, which has no BIOS to wait for and no more
// devices than it is given: its kernel is up within two seconds, where a PC
// needs one more.
func (c *Config) arguments(initramfs string) []string {
	net := append([]string{"user", "id=net", "ipv6=off"}, c.Net...)
	kernel := append([]string{"console=ttyS0", "quiet", "panic=-1", clock}, c.Arguments...)
	return []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "microvm,auto-kernel-cmdline=on", "-accel", "tcg", "-cpu", "max",
		"-m", strconv.Itoa(cmp.Or(c.MiB, 192)),
		"-serial", "stdio",
		"-kernel", c.Kernel, "-initrd", initramfs, "-append", strings.Join(kernel, " "),
		"-netdev", strings.Join(net, ","), "-device", "virtio-net-device,netdev=net",
	}
}
