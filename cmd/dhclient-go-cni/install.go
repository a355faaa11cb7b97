package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// install copies this program into dir, in one step: who runs it meanwhile runs the
// old one or the new one. An image that has nothing else in it needs no shell so.
func install(dir string) (err error) {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.CreateTemp(dir, ".dhclient-go-cni.*")
	if err != nil {
		return err
	}
	defer func() {
		_ = to.Close()
		if err != nil {
			_ = os.Remove(to.Name())
		}
	}()
	if _, err := io.Copy(to, from); err != nil {
		return fmt.Errorf("copy to %s: %w", dir, err)
	}
	if err := to.Chmod(0o755); err != nil {
		return err
	}
	if err := to.Close(); err != nil {
		return fmt.Errorf("copy to %s: %w", dir, err)
	}
	return os.Rename(to.Name(), filepath.Join(dir, "dhclient-go-cni"))
}
