package option

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// fields are the formats of what a record has, by the letters that Row.Fields has
// for them.
var fields = map[byte]format{
	'I': formats[Addr],
	'6': {16, false, addr6Text, parseAddr6},
	'B': formats[U8],
	'b': {1, false, s8Text, parseInt(8)},
	'S': formats[U16],
	's': {2, false, s16Text, parseInt(16)},
	'L': formats[U32],
	'l': formats[S32],
	'f': formats[Bool],
}

// repeat are the letters behind those: the last field, or the whole record, may
// come more than once.
const repeat = "aA"

// checkFields says whether the letters of a Record are some.
func (r Row) checkFields() error {
	list := strings.TrimRight(r.Fields, repeat)
	if list == "" || len(r.Fields) > maxFields || len(list)+1 < len(r.Fields) {
		return r.bad("%.40q is no record", r.Fields)
	}
	for i := range len(list) {
		if _, ok := fields[list[i]]; !ok {
			return r.bad("%.40q is no record", r.Fields)
		}
	}
	return nil
}

// maxFields bounds what one record has.
const maxFields = 32

// hunk is what comes at place i: first the whole record, then what repeats; empty
// for nothing.
func (r Row) hunk(i int) string {
	list := strings.TrimRight(r.Fields, repeat)
	switch last := r.Fields[len(r.Fields)-1]; {
	case i == 0 || last == 'A':
		return list
	case last == 'a':
		return list[len(list)-1:]
	}
	return ""
}

// records are the parts of a Record, each with blanks between its fields.
func (r Row) records(v []byte) (list []string, err error) {
	if err := r.checkFields(); err != nil {
		return nil, err
	}
	for i := 0; i == 0 || len(v) > 0; i++ {
		var words []string
		for _, c := range []byte(r.hunk(i)) {
			f := fields[c]
			if len(v) < f.size {
				return nil, r.bad("its value ends within a record")
			}
			words = append(words, f.text(v[:f.size]))
			v = v[f.size:]
		}
		if words == nil {
			return nil, r.bad("%d octets more than it has", len(v))
		}
		list = append(list, strings.Join(words, " "))
	}
	return list, nil
}

// parseRecords is the reverse.
func (r Row) parseRecords(list []string) (v []byte, err error) {
	if err := r.checkFields(); err != nil {
		return nil, err
	}
	for i, part := range list {
		letters, words := r.hunk(i), strings.Fields(part)
		if letters == "" || len(words) != len(letters) {
			return nil, r.bad("%.40q is not what it has", part)
		}
		for j, word := range words {
			b := fields[letters[j]].parse(word)
			if b == nil {
				return nil, r.bad("%.40q is not one of its values", word)
			}
			v = append(v, b...)
		}
	}
	return v, nil
}

// types are the words of dhcp-options(5) for fields. An integer is signed where
// that is not said.
var types = map[string]string{
	"boolean":             "f",
	"ip-address":          "I",
	"ip6-address":         "6",
	"integer 8":           "b",
	"signed integer 8":    "b",
	"unsigned integer 8":  "B",
	"integer 16":          "s",
	"signed integer 16":   "s",
	"unsigned integer 16": "S",
	"integer 32":          "l",
	"signed integer 32":   "l",
	"unsigned integer 32": "L",
}

// ParseRecord reads the type of an option's definition (dhcp-options(5)) as the
// Fields of a Record: "array of TYPE", "{ TYPE, TYPE }" of which the last may be an
// array, or an array of those. Types of no fixed length are none.
func ParseRecord(s string) (fields string, ok bool) {
	s = strings.Join(strings.Fields(strings.NewReplacer(",", " , ", "{", " { ", "}", " } ").Replace(strings.ToLower(s))), " ")
	s, many := strings.CutPrefix(s, "array of ")
	inner, braces := strings.CutPrefix(s, "{ ")
	if braces {
		if s, ok = strings.CutSuffix(inner, " }"); !ok {
			return "", false
		}
	}
	parts := strings.Split(s, " , ")
	for i, part := range parts {
		part, array := strings.CutPrefix(part, "array of ")
		letter, ok := types[part]
		if !ok || len(parts) > maxFields-1 || array && (many || i < len(parts)-1) || !braces && i > 0 {
			return "", false
		}
		if fields += letter; array {
			fields += "a"
		}
	}
	if many {
		fields += "A"
	}
	return fields, true
}

func addr6Text(v []byte) string { return netip.AddrFrom16([16]byte(v)).String() }
func s8Text(v []byte) string    { return strconv.Itoa(int(int8(v[0]))) }
func s16Text(v []byte) string   { return strconv.Itoa(int(int16(binary.BigEndian.Uint16(v)))) }

func parseAddr6(s string) []byte {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return nil
	}
	return a.AsSlice()
}

func parseInt(bits int) func(string) []byte {
	return func(s string) []byte {
		n, err := strconv.ParseInt(s, 0, bits)
		if err != nil {
			return nil
		}
		return binary.BigEndian.AppendUint64(nil, uint64(n))[8-bits/8:]
	}
}
