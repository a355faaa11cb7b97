package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Spec is a config.json, as far as the tests need it (OCI runtime specification,
// "Configuration").
type Spec struct {
	Version  string  `json:"ociVersion"`
	Root     Root    `json:"root"`
	Process  Process `json:"process"`
	Hostname string  `json:"hostname,omitempty"`
	Mounts   []Mount `json:"mounts"`
	Linux    Linux   `json:"linux"`
}

// Root is the root file system.
type Root struct {
	Path     string `json:"path"`
	ReadOnly bool   `json:"readonly"`
}

// Process is the first process.
type Process struct {
	Args            []string     `json:"args"`
	Env             []string     `json:"env"`
	Dir             string       `json:"cwd"`
	User            User         `json:"user"`
	NoNewPrivileges bool         `json:"noNewPrivileges"`
	Capabilities    Capabilities `json:"capabilities"`
}

// User is whom it runs as.
type User struct {
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// Capabilities are its sets, with names as CAP_NET_RAW.
type Capabilities struct {
	Bounding    []string `json:"bounding"`
	Permitted   []string `json:"permitted"`
	Effective   []string `json:"effective"`
	Inheritable []string `json:"inheritable,omitempty"`
	Ambient     []string `json:"ambient,omitempty"`
}

// Mount is a file system in the container.
type Mount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

// Linux is what other systems do not have.
type Linux struct {
	Namespaces    []Namespace `json:"namespaces"`
	MaskedPaths   []string    `json:"maskedPaths,omitempty"`
	ReadOnlyPaths []string    `json:"readonlyPaths,omitempty"`
	Seccomp       *Seccomp    `json:"seccomp,omitempty"`
}

// Namespace is one that the container has, a new one if there is no path.
type Namespace struct {
	Type string `json:"type"`
	Path string `json:"path,omitempty"`
}

// Seccomp says which system calls there are.
type Seccomp struct {
	DefaultAction string  `json:"defaultAction"`
	Calls         []Calls `json:"syscalls"`
}

// Calls are system calls by name.
type Calls struct {
	Names  []string `json:"names"`
	Action string   `json:"action"`
}

// Load reads a file in which nothing stands that Spec does not have.
func Load(file string) (*Spec, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	s := &Spec{}
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// Join has the container run in the network namespace of that path.
func (s *Spec) Join(path string) {
	for i, n := range s.Linux.Namespaces {
		if n.Type == "network" {
			s.Linux.Namespaces[i].Path = path
		}
	}
}

// Unmount takes a mount out.
func (s *Spec) Unmount(destination string) {
	s.Mounts = slices.DeleteFunc(s.Mounts, func(m Mount) bool { return m.Destination == destination })
}

// Refuse has these system calls fail with EPERM, as is the custom.
func (s *Spec) Refuse(calls ...string) {
	s.Linux.Seccomp = &Seccomp{
		DefaultAction: "SCMP_ACT_ALLOW",
		Calls:         []Calls{{calls, "SCMP_ACT_ERRNO"}},
	}
}

// Capable gives the process these capabilities in the sets that root has them in.
func (s *Spec) Capable(names ...string) {
	s.Process.Capabilities = Capabilities{Bounding: names, Permitted: names, Effective: names}
}

// Ambient gives them to the process whoever its user is.
func (s *Spec) Ambient(names ...string) {
	s.Process.Capabilities = Capabilities{Bounding: names, Permitted: names, Effective: names, Inheritable: names, Ambient: names}
}
