package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A DNSUpdate is who enters the name of the client into the DNS (RFC 4702 2.1).
type DNSUpdate uint8

const (
	// UpdateByServer has the server enter both name and address.
	UpdateByServer DNSUpdate = iota
	// UpdateByClient leaves the name to the client, that is to somebody else on
	// this host; the server may enter the address.
	UpdateByClient
	// NoUpdate has the server enter nothing.
	NoUpdate
)

// A VendorClass is what a client is, in the words of a vendor (RFC 3925 3).
type VendorClass struct {
	// Enterprise is the vendor's number, as IANA has given it.
	Enterprise uint32
	// Classes are 0 to 255 octets each.
	Classes []string
}

// A VendorOptions are options as a vendor has defined them (RFC 3925 4).
type VendorOptions struct {
	// Enterprise is the vendor's number, as IANA has given it.
	Enterprise uint32
	// Options are by their codes, 255 octets each at most.
	Options map[uint8][]byte
}

// The options that are made of fields of their own.
const (
	optClientID      = 61  // RFC 2132 9.14
	optUserClass     = 77  // RFC 3004
	optFQDN          = 81  // RFC 4702
	optVendorClasses = 124 // RFC 3925 3
	optVendorOptions = 125 // RFC 3925 4
	optNonceCapable  = 145 // RFC 6704 3.1.1
	optMUDURL        = 161 // RFC 8520 10
)

// Options are SendOptions with those that have fields of their own, as they are
// sent; all errors of those fields, and of what Anonymous does not allow, are
// returned, joined.
func (cfg *Config) Options() (map[uint8][]byte, error) {
	all := maps.Clone(cfg.SendOptions)
	var errs []error
	if err := cfg.checkAnonymous(); err != nil {
		errs = append(errs, err)
	}
	add := func(field string, code uint8, v []byte, err error) {
		switch _, twice := all[code]; {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		case len(v) == 0:
		case twice:
			errs = append(errs, fmt.Errorf("%s: SendOptions has option %d too", field, code))
		case all == nil:
			all = map[uint8][]byte{code: v}
		default:
			all[code] = v
		}
	}
	v, err := cfg.fqdn()
	add("FQDN", optFQDN, v, err)
	v, err = cfg.userClass()
	add("UserClass", optUserClass, v, err)
	v, err = cfg.vendorClasses()
	add("VendorClasses", optVendorClasses, v, err)
	v, err = cfg.vendorOptions()
	add("VendorOptions", optVendorOptions, v, err)
	v, err = cfg.mudURL()
	add("MUDURL", optMUDURL, v, err)
	return all, errors.Join(errs...)
}

// The flags of option 81 that a client sends (RFC 4702 2.1).
const (
	fqdnServerUpdates = 1 << 0 // S
	fqdnEncoded       = 1 << 2 // E: a name as RFC 1035 3.1 has it
	fqdnNoUpdate      = 1 << 3 // N, never with S
)

// fqdn is option 81: flags, two octets that once were answers of a server, and
// the name in labels, which only a whole one ends with the root (RFC 4702 2.3).
func (cfg *Config) fqdn() ([]byte, error) {
	name, rooted := strings.CutSuffix(cfg.FQDN, ".")
	switch {
	case cfg.FQDN == "" && cfg.DNSUpdate != UpdateByServer:
		return nil, errors.New("DNSUpdate is of no name")
	case cfg.FQDN == "":
		return nil, nil
	case cfg.Hostname != "":
		return nil, errors.New("it takes the place of Hostname, which is set too (RFC 4702 3.1)")
	case !lease.ValidName(name):
		return nil, fmt.Errorf("%q is not a host name", cfg.FQDN)
	}
	v := []byte{fqdnEncoded, 0, 0}
	switch cfg.DNSUpdate {
	case UpdateByServer:
		v[0] |= fqdnServerUpdates
	case NoUpdate:
		v[0] |= fqdnNoUpdate
	case UpdateByClient:
	}
	for label := range strings.SplitSeq(name, ".") {
		v = append(append(v, byte(len(label))), label...)
	}
	if rooted || strings.Contains(name, ".") {
		v = append(v, 0)
	}
	return v, nil
}

// userClass is option 77 (RFC 3004 4), or the one class as it is, which is what
// most servers look for.
func (cfg *Config) userClass() (v []byte, err error) {
	if cfg.BareUserClass {
		if len(cfg.UserClass) != 1 {
			return nil, fmt.Errorf("%d classes, where the bare form has one", len(cfg.UserClass))
		}
		return []byte(cfg.UserClass[0]), nil
	}
	for _, class := range cfg.UserClass {
		if class == "" || len(class) > 255 {
			return nil, fmt.Errorf("a class of %d octets: 1 to 255 are allowed", len(class))
		}
		v = append(append(v, byte(len(class))), class...)
	}
	return v, nil
}

// vendorClasses is option 124: for each vendor its number, the length of what
// follows, and its classes with their lengths.
func (cfg *Config) vendorClasses() (v []byte, err error) {
	seen := map[uint32]bool{}
	for _, c := range cfg.VendorClasses {
		var data []byte
		for _, class := range c.Classes {
			if len(class) > 255 {
				return nil, fmt.Errorf("a class of %d octets: 255 are allowed", len(class))
			}
			data = append(append(data, byte(len(class))), class...)
		}
		if v, err = ofVendor(v, c.Enterprise, data, seen); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// vendorOptions is option 125: for each vendor its number, the length of what
// follows, and its options.
func (cfg *Config) vendorOptions() (v []byte, err error) {
	seen := map[uint32]bool{}
	for _, o := range cfg.VendorOptions {
		var data []byte
		for _, code := range slices.Sorted(maps.Keys(o.Options)) {
			value := o.Options[code]
			if len(value) > 255 {
				return nil, fmt.Errorf("option %d of %d octets: 255 are allowed", code, len(value))
			}
			data = append(append(data, code, byte(len(value))), value...)
		}
		if v, err = ofVendor(v, o.Enterprise, data, seen); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// ofVendor adds what is of one vendor, who may stand there once.
func ofVendor(v []byte, enterprise uint32, data []byte, seen map[uint32]bool) ([]byte, error) {
	switch {
	case seen[enterprise]:
		return nil, fmt.Errorf("enterprise %d is named twice", enterprise)
	case len(data) > 255:
		return nil, fmt.Errorf("%d octets of enterprise %d: 255 are allowed", len(data), enterprise)
	}
	seen[enterprise] = true
	v = binary.BigEndian.AppendUint32(v, enterprise)
	return append(append(v, byte(len(data))), data...), nil
}

// mudURL is option 161: where a network finds what it should let this device do.
func (cfg *Config) mudURL() ([]byte, error) {
	if cfg.MUDURL == "" {
		return nil, nil
	}
	bad := func(r rune) bool { return r <= ' ' || r > '~' }
	u, err := url.Parse(cfg.MUDURL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		len(cfg.MUDURL) > 255 || strings.ContainsFunc(cfg.MUDURL, bad) {
		return nil, fmt.Errorf("%q is not an https URL of 255 octets at most (RFC 8520 4)", cfg.MUDURL)
	}
	return []byte(cfg.MUDURL), nil
}
