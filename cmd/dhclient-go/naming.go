package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// How a client names itself: the flags, beside those of RFC 2132.

func setFQDN(o *options, s string) error {
	o.client.FQDN = s
	return notNothing(s)
}

func setFQDNUpdate(o *options, s string) (err error) {
	o.client.DNSUpdate, err = choose(s, choice[client.DNSUpdate]{"server", client.UpdateByServer},
		choice[client.DNSUpdate]{"client", client.UpdateByClient}, choice[client.DNSUpdate]{"none", client.NoUpdate})
	return err
}

func addUserClass(o *options, s string) error {
	o.client.UserClass = append(o.client.UserClass, s)
	return notNothing(s)
}

func setMUDURL(o *options, s string) error {
	o.client.MUDURL = s
	return notNothing(s)
}

func notNothing(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	return nil
}

// addVendorClass takes 3561:TEXT; more of one vendor stand together.
func addVendorClass(o *options, s string) error {
	n, class, err := enterprise(s)
	if err != nil {
		return err
	}
	all := &o.client.VendorClasses
	i := slices.IndexFunc(*all, func(c client.VendorClass) bool { return c.Enterprise == n })
	if i < 0 {
		i = len(*all)
		*all = append(*all, client.VendorClass{Enterprise: n})
	}
	(*all)[i].Classes = append((*all)[i].Classes, class)
	return nil
}

// addVendorOption takes 3561:1:0a0b; more of one vendor stand together.
func addVendorOption(o *options, s string) error {
	n, rest, err := enterprise(s)
	if err != nil {
		return err
	}
	first, last, ok := strings.Cut(rest, ":")
	code, badCode := strconv.ParseUint(first, 10, 8)
	value, badValue := hex.DecodeString(strings.ReplaceAll(last, ":", ""))
	if !ok || badCode != nil || badValue != nil {
		return fmt.Errorf("%q is not an enterprise number, the number of an option and octets, like 3561:1:0a0b", s)
	}
	all := &o.client.VendorOptions
	i := slices.IndexFunc(*all, func(v client.VendorOptions) bool { return v.Enterprise == n })
	if i < 0 {
		i = len(*all)
		*all = append(*all, client.VendorOptions{Enterprise: n, Options: map[uint8][]byte{}})
	}
	if _, twice := (*all)[i].Options[uint8(code)]; twice {
		return fmt.Errorf("option %d of enterprise %d is given twice", code, n)
	}
	(*all)[i].Options[uint8(code)] = value
	return nil
}

func enterprise(s string) (n uint32, rest string, err error) {
	first, rest, ok := strings.Cut(s, ":")
	number, err := strconv.ParseUint(first, 10, 32)
	if !ok || err != nil {
		return 0, "", fmt.Errorf("%q does not begin with an enterprise number and a colon, like 3561:a", s)
	}
	return uint32(number), rest, nil
}

// addSendOption takes OPT=VALUE: a value as dhclient.conf(5) has it, and octets
// like 01:02 where it is not known what the option is.
func addSendOption(o *options, s string) error {
	name, text, ok := strings.Cut(s, "=")
	row, known := (*option.Table)(nil).ByName(name)
	switch {
	case !ok:
		return fmt.Errorf("%q has no value: write OPT=VALUE", s)
	case !known:
		return fmt.Errorf("%q is neither the number of an option, 1 to 254, nor a name like time-servers", name)
	}
	v, err := row.Parse(text)
	switch _, twice := o.client.SendOptions[row.Code]; {
	case err != nil:
		return err
	case len(v) == 0:
		return fmt.Errorf("%s has no value", name)
	case twice:
		return fmt.Errorf("option %d is given twice", row.Code)
	case o.client.SendOptions == nil:
		o.client.SendOptions = map[uint8][]byte{}
	}
	o.client.SendOptions[row.Code] = v
	return nil
}

// machineID is where the machine id stands; imageMarks is what container engines
// leave in a container, whose machine id is that of its image.
var (
	machineID  = "/etc/machine-id"
	imageMarks = []string{"/.dockerenv", "/run/.containerenv", "/run/systemd/container"}
)

// setMachineID reads /etc/machine-id for a client id (RFC 4361).
func setMachineID(o *options) error {
	f, err := os.Open(machineID)
	if err != nil {
		return fmt.Errorf("a DUID is made of the machine id: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return fmt.Errorf("a DUID is made of the machine id: %w", err)
	}
	o.client.ClientID = nil
	o.client.MachineID, err = client.ParseMachineID(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", machineID, err)
	}
	return nil
}

// cloneWarning says that the client id may be that of another machine, too; empty if
// nothing points to that.
func (o *options) cloneWarning() string {
	if o.client.MachineID == (client.MachineID{}) {
		return ""
	}
	for _, mark := range imageMarks {
		if _, err := os.Stat(mark); err == nil {
			return "the DUID is made of " + machineID + ", which other containers of this image may have too (" + mark + ")"
		}
	}
	return ""
}

// setAuthKey reads a secret, which stands in a file that nobody else can read: on a
// command line all could.
func setAuthKey(o *options, path string) error {
	// Not to wait for who writes to a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&0o077 != 0 || !info.Mode().IsRegular() {
		return fmt.Errorf("%s: must be a file that only its owner can read (mode 0600)", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return err
	}
	first, last, ok := strings.Cut(strings.TrimSpace(string(text)), ":")
	id, badID := strconv.ParseUint(first, 10, 32)
	secret, badSecret := hex.DecodeString(last)
	if !ok || badID != nil || badSecret != nil || len(secret) < 8 || len(secret) > 64 {
		return fmt.Errorf("%s: is not ID:SECRET, a number and 8 to 64 octets in hexadecimal", path)
	}
	o.client.AuthKey = client.AuthKey{ID: uint32(id), Secret: secret}
	return nil
}
