package lease

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
)

const (
	optVendorOptions = 43  // RFC 2132 8.4
	optVendorInfo    = 125 // RFC 3925 4
)

const (
	// maxSubOptions is how many options of a vendor are taken from one.
	maxSubOptions = 256
	// maxVendors is how many vendors may have a part of option 125.
	maxVendors = 32
)

// A SubOption is an option within another: what it means is its vendor's affair.
type SubOption struct {
	Code  uint8
	Value []byte
}

// SubOptions reads octets that hold options in turn, in their order: a code, a
// length and a value each; 0 fills, and 255 may end them (RFC 2132 8.4). It returns
// nil for octets that are none, and shares no memory with v.
func SubOptions(v []byte) (list []SubOption) {
	for len(v) > 0 {
		switch v[0] {
		case 255:
			return list
		case 0:
			v = v[1:]
			continue
		}
		if len(v) < 2 || len(v) < 2+int(v[1]) || len(list) == maxSubOptions {
			return nil
		}
		end := 2 + int(v[1])
		list = append(list, SubOption{v[0], slices.Clone(v[2:end])})
		v = v[end:]
	}
	return list
}

// VendorOptions is option 43, where it holds options of the vendor that option 60
// has named, as RFC 2132 8.4 would have it; nil for none. What some vendors have
// there instead is for them to read in Options.
func (l *Lease) VendorOptions() []SubOption { return SubOptions(l.Options[optVendorOptions]) }

// A VendorInfo is what option 125 has for one vendor.
type VendorInfo struct {
	// Enterprise is the vendor, by IANA's number.
	Enterprise uint32
	// Data is what SubOptions reads (RFC 3925 4).
	Data []byte
}

// VendorInfo is option 125: what the server has for each vendor, in order, with
// what it says of one in several places put together; nil for none, or where the
// option is not whole.
func (l *Lease) VendorInfo() (list []VendorInfo) {
	const head = 4 + 1
	for v := l.Options[optVendorInfo]; len(v) > 0; {
		if len(v) < head || len(v) < head+int(v[4]) {
			return nil
		}
		enterprise, data := binary.BigEndian.Uint32(v), v[head:head+int(v[4])]
		v = v[head+len(data):]
		switch i := slices.IndexFunc(list, func(have VendorInfo) bool { return have.Enterprise == enterprise }); {
		case i >= 0:
			list[i].Data = append(list[i].Data, data...)
		case len(list) < maxVendors:
			list = append(list, VendorInfo{enterprise, slices.Clone(data)})
		}
	}
	return list
}

// writeVendorOptions is the row of option 43.
func writeVendorOptions(o *object, name string, l *Lease) { o.subOptions(name, l.VendorOptions()) }

// writeVendorInfo is the row of option 125.
func writeVendorInfo(o *object, name string, l *Lease) {
	var list []object
	for _, vendor := range l.VendorInfo() {
		var one object
		one.number("enterprise", int64(vendor.Enterprise))
		one.text("data", hex.EncodeToString(vendor.Data))
		list = append(list, one)
	}
	o.objects(name, list)
}

func (o *object) subOptions(name string, subs []SubOption) {
	list := make([]object, len(subs))
	for i, s := range subs {
		list[i].number("code", int64(s.Code))
		list[i].text("value", hex.EncodeToString(s.Value))
	}
	o.objects(name, list)
}
