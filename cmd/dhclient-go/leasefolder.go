package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A folder is one that the sandbox lets this process write to: Landlock goes by what
// was there when it began, and not by the name.
type folder struct {
	path string
	was  unix.Stat_t
}

// theFolder is the folder at path; nil if there is none.
func theFolder(path string) *folder {
	f := &folder{path: path}
	if path == "" || unix.Stat(path, &f.was) != nil {
		return nil
	}
	return f
}

// isAnother says that what is at the path is not that folder any more.
func (f *folder) isAnother() bool {
	var now unix.Stat_t
	return f != nil && (unix.Stat(f.path, &now) != nil || now.Dev != f.was.Dev || now.Ino != f.was.Ino)
}

// A sealed store knows why it cannot be written any more.
type sealed struct {
	client.LeaseStore
	in *atomic.Pointer[folder]
}

// Save is that of the store. If the folder was removed or replaced since the sandbox
// is there, no try will be better, and the error says what helps.
func (s sealed) Save(ctx context.Context, l *lease.Lease) error {
	err := s.LeaseStore.Save(ctx, l)
	if in := s.in.Load(); err != nil && in.isAnother() {
		return fmt.Errorf("%s was removed or made anew; restart the client, whose sandbox has the old one: %w", in.path, err)
	}
	return err
}
