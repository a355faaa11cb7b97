package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"

	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A config is the configuration of the plugin that has called this one; what is not
// for us is left out.
type config struct {
	types.PluginConf
	IPAM         *ipam `json:"ipam"`
	DisableCheck bool  `json:"disableCheck"`

	args map[string]string
}

// An ipam is its part for us. The first three are those of the plugin dhcp of the
// CNI project, and mean what they mean there; its daemonSocketPath is another
// program's.
type ipam struct {
	Type     string    `json:"type"`
	Provide  []provide `json:"provide"`
	Request  []request `json:"request"`
	Priority int       `json:"priority"`

	// Socket is the agent's.
	Socket string `json:"socket"`
	// ClientID is mac, none, pod, octets in hexadecimal as 01:02, or a text.
	ClientID string `json:"clientID"`
	// Hostname is sent to the server; HostnameFromArg takes it from CNI_ARGS.
	Hostname        string `json:"hostname"`
	HostnameFromArg string `json:"hostnameFromArg"`
	VendorClass     string `json:"vendorClass"`
	Broadcast       bool   `json:"broadcast"`
	ACD             string `json:"acd"`
	// Timeout is how long ADD may take, as 60s.
	Timeout string `json:"timeout"`
}

// A provide is an option to send: a text, or the value of a key of CNI_ARGS.
type provide struct {
	Option  string `json:"option"`
	Value   string `json:"value"`
	FromArg string `json:"fromArg"`
}

// A request is an option to ask for; SkipDefault leaves out what is asked for
// anyway.
type request struct {
	SkipDefault bool   `json:"skipDefault"`
	Option      string `json:"option"`
}

// defaultTimeout is below the two minutes that a kubelet gives to a runtime.
const defaultTimeout = time.Minute

// readConfig reads the configuration and CNI_ARGS.
func readConfig(args *skel.CmdArgs) (*config, error) {
	c := &config{args: map[string]string{}}
	if err := json.Unmarshal(args.StdinData, c); err != nil {
		return nil, types.NewError(types.ErrDecodingFailure, "the network configuration cannot be read", err.Error())
	}
	if c.IPAM == nil {
		return nil, types.NewError(types.ErrInvalidNetworkConfig, "the network configuration has no ipam", "dhclient-go-cni is a plugin for addresses: its name goes into ipam.type of another's configuration")
	}
	if s := c.IPAM.Socket; s != "" && (!filepath.IsAbs(s) || len(s) > 107) {
		return nil, bad("socket", "%.120q is not an absolute path of 107 octets at most", s)
	}
	for pair := range strings.SplitSeq(args.Args, ";") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			c.args[key] = value
		}
	}
	return c, nil
}

// bad is an error of a key of ipam.
func bad(key, format string, args ...any) *types.Error {
	return types.NewError(types.ErrInvalidNetworkConfig, "ipam."+key+": "+fmt.Sprintf(format, args...), "")
}

// socket is the agent's.
func (c *config) socket() string {
	if c.IPAM.Socket != "" {
		return c.IPAM.Socket
	}
	return cni.DefaultSocket
}

// netns is the container's namespace. That it is ours would be a runtime's mistake,
// and the address would be the host's.
func (c *config) netns(args *skel.CmdArgs) (*cni.Netns, error) {
	ns, err := cni.OpenNetns(filepath.Clean(args.Netns))
	if err != nil {
		return nil, types.NewError(types.ErrInvalidEnvironmentVariables, "CNI_NETNS: "+err.Error(), "")
	}
	override := strings.EqualFold(args.NetnsOverride, "true") || args.NetnsOverride == "1"
	if own, err := cni.OwnNetns(); err == nil && own == ns.ID() && !override {
		ns.Close()
		return nil, types.NewError(types.ErrInvalidNetNS, "CNI_NETNS: "+args.Netns+" is the network namespace of the host", "")
	}
	return ns, nil
}

// request is what the agent is asked for.
func (c *config) request(command cni.Command, args *skel.CmdArgs) (*cni.Request, error) {
	r := &cni.Request{Command: command, Attachment: cni.Attachment{Network: c.Name, Container: args.ContainerID, Interface: args.IfName}}
	if args.Netns != "" {
		r.Netns = filepath.Clean(args.Netns)
	}
	if command == cni.Del && cni.CheckNetnsPath(r.Netns) != nil {
		r.Netns = "" // it has to be enough without
	}
	if command != cni.Add {
		return r, nil
	}
	r.Limit = defaultTimeout
	if s := c.IPAM.Timeout; s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d < cni.MinLimit || d > cni.MaxLimit {
			return nil, bad("timeout", "%.40q is no time between %v and %v, like 60s", s, cni.MinLimit, cni.MaxLimit)
		}
		r.Limit = d
	}
	o := cni.Options{VendorClass: c.IPAM.VendorClass, Broadcast: c.IPAM.Broadcast, ACD: cni.ACD(c.IPAM.ACD), Metric: c.IPAM.Priority}
	for _, set := range []func(*cni.Options, *skel.CmdArgs) error{c.setClientID, c.setHostname, c.setProvided, c.setRequested} {
		if err := set(&o, args); err != nil {
			return nil, err
		}
	}
	r.Options = o
	return r, nil
}

var hexOctets = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+$`)

func (c *config) setClientID(o *cni.Options, args *skel.CmdArgs) (err error) {
	switch s := c.IPAM.ClientID; {
	case s == "":
	case s == "mac":
		o.HardwareClientID = true
	case s == "none":
		o.NoClientID = true
	case s == "pod":
		o.ClientID, err = c.podID(args)
	case hexOctets.MatchString(s):
		o.ClientID, err = hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	default:
		o.ClientID = append([]byte{0}, s...) // RFC 2132 9.14: no hardware address
	}
	if err == nil && len(o.ClientID) > 255 {
		err = bad("clientID", "has %d octets, more than the 255 that an option can hold", len(o.ClientID))
	}
	return err
}

// podID is the same for each container of a pod that keeps its name, as those of a
// StatefulSet do: they get the address that they had.
func (c *config) podID(args *skel.CmdArgs) ([]byte, error) {
	space, pod := c.args["K8S_POD_NAMESPACE"], c.args["K8S_POD_NAME"]
	if space == "" || pod == "" {
		return nil, bad("clientID", "pod: the runtime gives no K8S_POD_NAMESPACE and K8S_POD_NAME in CNI_ARGS")
	}
	return append([]byte{0}, strings.Join([]string{space, pod, c.Name, args.IfName}, "/")...), nil
}

func (c *config) setHostname(o *cni.Options, _ *skel.CmdArgs) error {
	o.Hostname = c.IPAM.Hostname
	if key := c.IPAM.HostnameFromArg; key != "" {
		if o.Hostname != "" {
			return bad("hostnameFromArg", "there is a hostname already")
		}
		// Names of pods may be longer than a label of the DNS (RFC 1123 2.1).
		name := c.args[key]
		o.Hostname = strings.TrimRight(name[:min(len(name), 63)], "-.")
	}
	return nil
}

func (c *config) setProvided(o *cni.Options, _ *skel.CmdArgs) error {
	for _, p := range c.IPAM.Provide {
		code, err := optionCode("provide", p.Option)
		if err != nil {
			return err
		}
		value := p.Value
		if arg, ok := c.args[p.FromArg]; ok && p.FromArg != "" {
			value = arg
		}
		if value == "" {
			continue
		}
		if o.Send == nil {
			o.Send = map[uint8][]byte{}
		}
		o.Send[code] = []byte(value)
	}
	return nil
}

func (c *config) setRequested(o *cni.Options, _ *skel.CmdArgs) error {
	for _, r := range c.IPAM.Request {
		o.RequestOnly = o.RequestOnly || r.SkipDefault
		if r.Option == "" {
			continue
		}
		code, err := optionCode("request", r.Option)
		if err != nil {
			return err
		}
		o.Request = append(o.Request, int(code))
	}
	return nil
}

// optionCode reads a number, or a name of dhcp-options(5).
func optionCode(key, s string) (uint8, error) {
	r, ok := (*option.Table)(nil).ByName(s)
	if !ok {
		return 0, bad(key, "%.60q is neither the number of an option, 1 to 254, nor a name like host-name", s)
	}
	return r.Code, nil
}
