// Command dhclient-go-cni is a plugin of the Container Network Interface that
// gives containers addresses by DHCP (`"ipam": {"type": "dhclient-go-cni"}`). It
// asks a running `dhclient-go agent --cni`, which has the leases, and ends.
//
// main.go has the operations of the specification (1.1, SPEC.md of
// containernetworking/cni), config.go what a network's configuration says, and
// result.go what a runtime is told. docs/cni.md is for who uses it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	specs "github.com/containernetworking/cni/pkg/version"

	"github.com/dhclient-go/dhclient-go/internal/cni"
)

const (
	// maxConfig is the longest configuration that is read, in octets.
	maxConfig = 4 << 20
	// addPatience, delPatience and lookPatience are how long an agent is waited
	// for that is just being started again.
	addPatience, delPatience, lookPatience = 5 * time.Second, 3 * time.Second, time.Second
	// shortLimit is how long operations may take that wait for no server.
	shortLimit = 15 * time.Second
	// margin is how long the agent may take to say that the time is over.
	margin = 8 * time.Second
)

// version is set by the build.
var version = "unknown"

func main() {
	if len(os.Args) > 1 {
		os.Exit(byHand(os.Args[1:], os.Stdout, os.Stderr))
	}
	conf, err := takeInput()
	failed := err
	if failed == nil {
		failed = skel.PluginMainFuncsWithError(skel.CNIFuncs{Add: add, Del: del, Check: check, GC: collect, Status: status}, supported, about())
	}
	if failed != nil {
		os.Exit(complain(os.Stdout, failed, conf))
	}
}

// supported are the versions of the specification: all that have ever been, which
// differ in how a result is written.
var supported = specs.All

func about() string { return "CNI plugin dhclient-go-cni " + version }

// takeInput reads the configuration, with a limit, and leaves it for package skel,
// which has none.
func takeInput() ([]byte, *types.Error) {
	command := os.Getenv("CNI_COMMAND")
	if command == "" || command == "VERSION" {
		return nil, nil
	}
	conf, err := io.ReadAll(io.LimitReader(os.Stdin, maxConfig+1))
	if err != nil {
		return nil, types.NewError(types.ErrIOFailure, "the network configuration on standard input cannot be read", err.Error())
	}
	if len(conf) > maxConfig {
		return nil, types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("the network configuration on standard input has more than %d octets", maxConfig), "")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, types.NewError(types.ErrIOFailure, "no pipe", err.Error())
	}
	go func() {
		_, _ = w.Write(conf)
		_ = w.Close()
	}()
	os.Stdin = r
	return conf, nil
}

// complain writes an error as section 5 of the specification has it, with the
// version that package skel leaves out.
func complain(w io.Writer, err *types.Error, conf []byte) int {
	v, bad := new(specs.ConfigDecoder).Decode(conf)
	if bad != nil {
		v = specs.Current()
	}
	b, _ := json.MarshalIndent(struct {
		Version string `json:"cniVersion"`
		*types.Error
	}{v, err}, "", "    ")
	_, _ = fmt.Fprintf(w, "%s\n", b)
	return 1
}

// add gets a lease, and tells the plugin that has made the link.
func add(args *skel.CmdArgs) error {
	c, err := readConfig(args)
	if err != nil {
		return err
	}
	if c.isChained() {
		return c.confirm(args)
	}
	r, err := c.request(cni.Add, args)
	if err != nil {
		return err
	}
	if r.Namespace, err = c.netns(args); err != nil {
		return err
	}
	defer r.Namespace.Close()
	grant, err := c.ask(r, addPatience, r.Limit+margin)
	if errors.Is(err, cni.ErrUnreachable) {
		return types.NewError(types.ErrTryAgainLater, "the DHCP agent cannot be reached", err.Error())
	}
	if err != nil {
		return asCNI(err)
	}
	if grant == nil {
		return types.NewError(types.ErrInternal, "the agent has granted nothing", "")
	}
	return c.write(c.result(grant))
}

// confirm is add behind the plugin that has called us for the address: what is there
// is handed on. That is for DEL, which the runtime then has us do before that plugin
// deletes the link, as bridge does before it asks for the address to be given back.
func (c *config) confirm(args *skel.CmdArgs) error {
	grant, err := c.look(args)
	if e := (*types.Error)(nil); errors.As(err, &e) && e.Code == uint(cni.NotAttached) {
		return types.NewError(types.ErrInvalidNetworkConfig, "dhclient-go-cni gives addresses to another plugin, whose ipam.type it has to be", e.Msg)
	}
	if err == nil {
		err = c.compare(grant)
	}
	if err != nil {
		return err
	}
	before, err := c.before()
	if err != nil {
		return err
	}
	return c.write(before)
}

// look asks for what an attachment has.
func (c *config) look(args *skel.CmdArgs) (*cni.Grant, error) {
	r, err := c.request(cni.Check, args)
	if err != nil {
		return nil, err
	}
	grant, err := c.ask(r, lookPatience, shortLimit)
	return grant, asCNI(err)
}

// del gives a lease back. That it cannot be is no reason to keep a container: the
// lease runs out (SPEC.md, section 2, DEL).
func del(args *skel.CmdArgs) error {
	c, err := readConfig(args)
	if err != nil {
		return err
	}
	r, err := c.request(cni.Del, args)
	if err != nil {
		return err
	}
	_, err = c.ask(r, delPatience, shortLimit)
	if errors.Is(err, cni.ErrUnreachable) {
		fmt.Fprintf(os.Stderr, "dhclient-go-cni: the lease is not given back, and runs out: %v\n", err)
		return nil
	}
	return asCNI(err)
}

// check is an error unless the lease is held and its address on the link.
func check(args *skel.CmdArgs) error {
	c, err := readConfig(args)
	if err != nil || c.DisableCheck {
		return err
	}
	grant, err := c.look(args)
	if err != nil {
		return err
	}
	return c.compare(grant)
}

// collect ends the attachments of the network that the runtime does not name.
func collect(args *skel.CmdArgs) error {
	c, err := readConfig(args)
	if err != nil {
		return err
	}
	r := &cni.Request{Command: cni.GC, Attachment: cni.Attachment{Network: c.Name}}
	for _, v := range c.ValidAttachments {
		r.Valid = append(r.Valid, cni.Attachment{Container: v.ContainerID, Interface: v.IfName})
	}
	_, err = c.ask(r, delPatience, 2*time.Minute)
	return asCNI(err)
}

// status is an error if an ADD could not be served. That existing containers are
// limited too (51) it never says: they have their addresses until their leases end.
func status(args *skel.CmdArgs) error {
	c, err := readConfig(args)
	if err != nil {
		return err
	}
	r := &cni.Request{Command: cni.Status, Attachment: cni.Attachment{Network: c.Name}}
	if _, err := c.ask(r, lookPatience, shortLimit); err != nil {
		return types.NewError(uint(cni.NotAvailable), "the DHCP agent cannot be reached", err.Error())
	}
	return nil
}

// ask asks the agent.
func (c *config) ask(r *cni.Request, patience, limit time.Duration) (*cni.Grant, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("%v are over", limit))
	defer cancel()
	return cni.Ask(ctx, c.socket(), patience, r)
}

// asCNI is err as runtimes have errors; nil for nil.
func asCNI(err error) error {
	if err == nil {
		return nil
	}
	if e := (*cni.Error)(nil); errors.As(err, &e) {
		return types.NewError(uint(e.Code), e.Message, e.Details)
	}
	return types.NewError(types.ErrTryAgainLater, "the DHCP agent was asked in vain", err.Error())
}

// byHand is for a person, and for who installs it.
func byHand(args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "--version":
		fmt.Fprintln(stdout, about())
		fmt.Fprintln(stdout, "CNI", strings.Join(supported.SupportedVersions(), ", "))
		return 0
	case len(args) == 2 && args[0] == "--install":
		if err := install(args[1]); err != nil {
			fmt.Fprintln(stderr, "dhclient-go-cni:", err)
			return 1
		}
		return 0
	}
	out, code := stderr, 64
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
		out, code = stdout, 0
	}
	fmt.Fprintln(out, `dhclient-go-cni is run by container runtimes: docs/cni.md.
usage: dhclient-go-cni --version
       dhclient-go-cni --install DIR    copy this program into DIR`)
	return code
}
