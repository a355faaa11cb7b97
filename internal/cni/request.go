package cni

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Command is what a Request wants.
type Command string

// The operations of CNI that the agent has a part in (SPEC.md, section 2).
const (
	Add    Command = "add"
	Del    Command = "del"
	Check  Command = "check"
	GC     Command = "gc"
	Status Command = "status"
)

// An Attachment is a container's link to a network (SPEC.md, section 3).
type Attachment struct {
	// Network is the name of the network: 1 to 255 letters, digits, underscores,
	// dots and hyphens, a letter or digit first.
	Network string `json:"network"`
	// Container is the runtime's identifier of the container, of the same form.
	Container string `json:"container"`
	// Interface is the name of the link, as the kernel takes it: 1 to 15 octets,
	// without a slash, a colon or white space, and not . or .. .
	Interface string `json:"interface"`
}

// String names it in a log: network, container and link.
func (a Attachment) String() string { return a.Network + "/" + a.Container + "/" + a.Interface }

const (
	// MinLimit and MaxLimit are the least and the most of Request.Limit.
	MinLimit = time.Second
	MaxLimit = 10 * time.Minute
	// maxName is the longest name of a network or container, in octets.
	maxName = 255
	// maxLinkName is the longest name of a link: IFNAMSIZ less its zero (if.h).
	maxLinkName = 15
	// maxPath is the longest path of a namespace: PATH_MAX less its zero.
	maxPath = 4095
	// maxValid is how many attachments a network may have for GC.
	maxValid = 1 << 16
)

// A Request is what the plugin wants of the agent.
type Request struct {
	// Version is Version.
	Version int     `json:"version"`
	Command Command `json:"command"`
	// Attachment is what it is about; for GC and Status only its Network counts.
	Attachment Attachment `json:"attachment"`
	// Netns is the path of the container's network namespace, absolute and clean;
	// empty for Del if the runtime has none any more, and for GC and Status.
	Netns string `json:"netns,omitempty"`
	// Namespace is that namespace itself, which Add has: a descriptor goes along
	// with the line (SCM_RIGHTS, unix(7)), since that path may mean another to the
	// agent, or nothing. Who takes it sets it to nil, or else it is closed.
	Namespace *Netns `json:"-"`
	// Options are for Add.
	Options Options `json:"options,omitzero"`
	// Limit is how long Add may take, MinLimit to MaxLimit.
	Limit time.Duration `json:"limit,omitempty"`
	// Valid are the attachments that there are, for GC; Network is empty in them.
	Valid []Attachment `json:"valid,omitempty"`
}

// Options say how a lease is asked for, where that is not as the agent's other
// links have it. The zero Options are fine.
type Options struct {
	// ClientID is option 61, 2 to 255 octets; nil is the agent's choice (see
	// NoClientID and HardwareClientID).
	ClientID []byte `json:"client_id,omitempty"`
	// NoClientID sends none, and HardwareClientID 01 and the hardware address.
	// At most one of these three is set.
	NoClientID       bool `json:"no_client_id,omitempty"`
	HardwareClientID bool `json:"hardware_client_id,omitempty"`
	// Hostname is option 12, a host name of 63 octets at most; empty for none.
	Hostname string `json:"hostname,omitempty"`
	// VendorClass is option 60, 255 octets at most; empty for none.
	VendorClass string `json:"vendor_class,omitempty"`
	// Send are further options by their codes, 1 to 255 octets each.
	Send map[uint8][]byte `json:"send,omitempty"`
	// Request are options to ask for, 1 to 254; beside the usual ones or, with
	// RequestOnly, in their place.
	Request     []int `json:"request,omitempty"`
	RequestOnly bool  `json:"request_only,omitempty"`
	// Broadcast asks for broadcast replies.
	Broadcast bool `json:"broadcast,omitempty"`
	// ACD is how the address is probed.
	ACD ACD `json:"acd,omitempty"`
	// Metric is that of routes which the agent sets itself, 1 to 2147483647; 0 is
	// 1000 and the link's index.
	Metric int `json:"metric,omitempty"`
}

// Decode reads a Request. The error is an *Error that says what is wrong.
func Decode(line []byte) (*Request, error) {
	var r Request
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, Errorf(Undecodable, "the request is no JSON object of its form: %v", err)
	}
	if r.Version != Version {
		return nil, Errorf(Undecodable, "version %d of the agent's protocol is asked for, and this is %d: plugin and agent are of different releases", r.Version, Version)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return &r, nil
}

// check looks for what must not be.
func (r *Request) check() error {
	if !isName(r.Attachment.Network) {
		return Errorf(BadConfig, "%.300q cannot be the name of a network", r.Attachment.Network)
	}
	switch r.Command {
	case Status:
		return nil
	case GC:
		return r.checkValid()
	case Add, Del, Check:
	default:
		return Errorf(Undecodable, "%.40q is no command", string(r.Command))
	}
	if err := r.Attachment.Check(); err != nil {
		return err
	}
	if r.Netns != "" || r.Command != Del {
		if err := CheckNetnsPath(r.Netns); err != nil {
			return Errorf(BadVariable, "CNI_NETNS: %v", err)
		}
	}
	if r.Command != Add {
		return nil
	}
	switch {
	case r.Limit < MinLimit || r.Limit > MaxLimit:
		return Errorf(BadConfig, "a limit of %v is not between %v and %v", r.Limit, MinLimit, MaxLimit)
	}
	return r.Options.check()
}

func (r *Request) checkValid() error {
	if len(r.Valid) > maxValid {
		return Errorf(BadConfig, "cni.dev/valid-attachments has %d elements, more than %d", len(r.Valid), maxValid)
	}
	for _, a := range r.Valid {
		if err := a.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Check looks at what identifies a container's link. The error is an *Error.
func (a Attachment) Check() error {
	if !isName(a.Container) {
		return Errorf(BadVariable, "CNI_CONTAINERID: %.300q cannot identify a container", a.Container)
	}
	if !isLinkName(a.Interface) {
		return Errorf(BadVariable, "CNI_IFNAME: %.40q cannot be the name of a link", a.Interface)
	}
	return nil
}

// isName says that s is of the form that SPEC.md, section 1 and 3, has for names
// of networks and containers.
func isName(s string) bool {
	if s == "" || len(s) > maxName || strings.IndexByte("_.-", s[0]) >= 0 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '-')
	})
}

// isLinkName is dev_valid_name of the kernel (net/core/dev.c), less what no
// terminal could show.
func isLinkName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxLinkName && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '/' || r == ':' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}

// CheckNetnsPath says what is wrong with the path of a namespace: it is absolute
// and clean, and holds nothing that a log could not show.
func CheckNetnsPath(path string) error {
	switch {
	case path == "":
		return errors.New("is empty")
	case len(path) > maxPath:
		return fmt.Errorf("has %d octets, more than %d", len(path), maxPath)
	case !filepath.IsAbs(path) || filepath.Clean(path) != path:
		return fmt.Errorf("%.100q is not an absolute path", path)
	case strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%.100q has characters that no path to a namespace has", path)
	}
	return nil
}

// check looks for values that no message could carry.
func (o *Options) check() error {
	ways := 0
	for _, set := range []bool{o.ClientID != nil, o.NoClientID, o.HardwareClientID} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		return Errorf(BadConfig, "clientID: there are two")
	case o.ClientID != nil && (len(o.ClientID) < 2 || len(o.ClientID) > 255):
		return Errorf(BadConfig, "clientID: has %d octets, not 2 to 255", len(o.ClientID))
	case o.Hostname != "" && (len(o.Hostname) > 63 || !lease.ValidName(o.Hostname)):
		return Errorf(BadConfig, "hostname: %.100q is not a host name of 63 octets at most", o.Hostname)
	case len(o.VendorClass) > 255:
		return Errorf(BadConfig, "vendorClass: has %d octets, more than 255", len(o.VendorClass))
	case o.Metric < 0 || o.Metric > 1<<31-1:
		return Errorf(BadConfig, "priority: %d is not a number from 1 to 2147483647", o.Metric)
	case len(o.Request) > 254:
		return Errorf(BadConfig, "request: has %d options", len(o.Request))
	case slices.ContainsFunc(o.Request, func(code int) bool { return code < 1 || code > 254 }):
		return Errorf(BadConfig, "request: %v: options have numbers from 1 to 254", o.Request)
	}
	if err := o.checkSend(); err != nil {
		return err
	}
	return o.ACD.check()
}

// checkSend looks at options that say which message it is, or that are said twice.
func (o *Options) checkSend() error {
	for code, v := range o.Send {
		switch {
		case slices.Contains([]uint8{0, 50, 52, 53, 54, 55, 56, 80, 255}, code):
			return Errorf(BadConfig, "provide: option %d is what the protocol itself says, and cannot be provided", code)
		case len(v) < 1 || len(v) > 255:
			return Errorf(BadConfig, "provide: option %d has %d octets, not 1 to 255", code, len(v))
		case code == 12 && o.Hostname != "":
			return Errorf(BadConfig, "provide: there is a hostname already, which is option 12")
		case code == 60 && o.VendorClass != "":
			return Errorf(BadConfig, "provide: there is a vendorClass already, which is option 60")
		case code == 61 && (o.ClientID != nil || o.NoClientID || o.HardwareClientID):
			return Errorf(BadConfig, "provide: there is a clientID already, which is option 61")
		case code == 61 && len(v) < 2:
			return Errorf(BadConfig, "provide: option 61 has less than 2 octets")
		}
	}
	return nil
}
