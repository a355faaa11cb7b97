package udhcpcargs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxText   = 254 // octets of a text, of which udhcpc counts no more
	maxOctets = 255 // of a value in hexadecimal

	optHostname = 12
	optFQDN     = 81
)

// lists are the options of which a second -x adds to the first, as udhcpc has
// them. Of any other the first counts.
var lists = []uint8{3, 6, 9, 33, 41, 42, 44, 119, 121, 249}

// sendAll makes Send of what was read.
func (p *parser) sendAll() error {
	if p.fqdn != "" {
		// RFC 4702 2.1: the server is to update the DNS (S), and the name is
		// ASCII, as udhcpc sends it, not the labels of E.
		p.add(optFQDN, append([]byte{1, 0, 0}, p.fqdn...))
	}
	if p.named != "" {
		p.add(optHostname, []byte(p.named))
	}
	for _, text := range p.sends {
		if err := p.send(text); err != nil {
			return &Error{Flag: "-x " + strconv.Quote(text), Problem: err.Error()}
		}
	}
	return nil
}

// send reads OPT:VAL. A value that is missing, or is none of its option, is
// passed over as udhcpc does: scripts write -x hostname:$NAME, and NAME may be
// empty.
func (p *parser) send(text string) error {
	const marks = " \t=:"
	text = strings.TrimLeft(text, marks)
	end := strings.IndexAny(text, marks)
	if end < 0 {
		end = len(text)
	}
	name, value := text[:end], text[end:]
	if name == "" {
		p.warn("-x: names no option")
		return nil
	}
	code, parse, err := p.option(name)
	if err != nil {
		return err
	}
	if value != "" {
		value = value[1:]
	}
	if parse == nil {
		v, err := octets(strings.Trim(value, " \t\n\v\f\r"))
		if err != nil {
			return err
		}
		p.addValue(name, code, v)
		return nil
	}
	value = strings.TrimLeft(value, ", \t")
	if end := strings.IndexAny(value, ", \t"); end >= 0 && !slices.Contains(lists, code) {
		p.warn("-x %s: sent up to the first blank or comma: %q", name, value[:end])
		value = value[:end]
	}
	if value == "" {
		p.addValue(name, code, nil)
		return nil
	}
	v, err := parse(value)
	if err != nil {
		p.warn("-x %s: not sent: %v", name, err)
		return nil
	}
	p.addValue(name, code, v)
	return nil
}

// addValue adds an option if it has a value.
func (p *parser) addValue(name string, code uint8, v []byte) {
	if len(v) == 0 {
		p.warn("-x %s: has no value, and is not sent", name)
		return
	}
	p.add(code, v)
}

// add puts an option into Send, if it is the first of its code or a list.
func (p *parser) add(code uint8, v []byte) {
	had, twice := p.a.Send[code]
	switch {
	case twice && !slices.Contains(lists, code):
		p.warn("option %d is given twice, and the first is sent", code)
		return
	case len(had)+len(v) > maxOctets:
		p.warn("option %d has more than %d octets, and the first of them are sent", code, maxOctets)
		return
	}
	if p.a.Send == nil {
		p.a.Send = map[uint8][]byte{}
	}
	p.a.Send[code] = slices.Concat(had, v)
}

// option finds what -O or -x names: a number, decimal, octal with 0 or hexadecimal
// with 0x, or a name. parse is nil for a number, whose value is of octets.
func (p *parser) option(name string) (code uint8, parse func(string) ([]byte, error), err error) {
	if n, ok := number(name); ok {
		if n < 1 || n > 254 {
			return 0, nil, fmt.Errorf("%s: options are 1 to 254", name)
		}
		return uint8(n), nil, nil
	}
	if row, ok := p.options.ByName(name); ok {
		return row.Code, row.ParseUdhcpc, nil
	}
	return 0, nil, fmt.Errorf("%q is no option that is known by name", name)
}

// number reads a number as C writes it.
func number(s string) (n uint64, ok bool) {
	if s == "" || s[0] < '0' || s[0] > '9' || strings.ContainsAny(s, "_oObB") && !strings.HasPrefix(strings.ToLower(s), "0x") ||
		strings.Contains(s, "_") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 0, 32)
	return n, err == nil
}

// octets reads the value of an option that is named by its number: a text in
// quotes, or octets in hexadecimal, of two digits each or with colons between.
func octets(s string) ([]byte, error) {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		text := s[1 : len(s)-1]
		return []byte(text[:min(len(text), maxText)]), nil
	}
	var v []byte
	for s != "" {
		digits := 2
		if len(s) == 1 || s[1] == ':' {
			digits = 1
		}
		n, err := strconv.ParseUint(s[:digits], 16, 8)
		if err != nil {
			return nil, errors.New("the value of a number is octets in hexadecimal, or a text in quotes")
		}
		v = append(v, byte(n))
		s = strings.TrimPrefix(s[digits:], ":")
		if len(v) > maxOctets {
			return nil, fmt.Errorf("more than %d octets", maxOctets)
		}
	}
	return v, nil
}
