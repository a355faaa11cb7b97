package lease

import (
	"encoding/binary"
	"strings"
	"time"
)

const (
	optTimeOffset    = 2   // RFC 2132 3.4
	optPosixTimeZone = 100 // RFC 4833 2
	optTimeZone      = 101 // RFC 4833 2
)

// TimeZone is option 101: the name of a zone of the tz database, as Europe/Berlin.
// It is made of letters, digits, _ + - and /, and no part of it could lead out of a
// directory; whether the host has a zone of that name is another matter. Empty
// for none.
func (l *Lease) TimeZone() string {
	s := l.optionText(optTimeZone)
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || !isLetter(part[0]) {
			return ""
		}
		for i := range len(part) {
			if c := part[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("_+-", c) < 0 {
				return ""
			}
		}
	}
	return s
}

// PosixTimeZone is option 100: a zone by its rules, as EST5EDT4,M3.2.0/02:00 (IEEE
// 1003.1, 8.3, TZ), without the form that begins with a colon, which is a path in
// practice. Empty for none.
func (l *Lease) PosixTimeZone() string {
	s := l.optionText(optPosixTimeZone)
	if z := (zoneReader{rest: s}); !z.zone() {
		return ""
	}
	return s
}

// maxOffset is more than any zone is from UTC.
const maxOffset = 24 * time.Hour

// UTCOffset is option 2: how far the time is ahead of UTC, or behind it if
// negative, in whole seconds; ok is false for none. Servers of our time send
// options 100 and 101 (RFC 4833 4).
func (l *Lease) UTCOffset() (d time.Duration, ok bool) {
	v := l.Options[optTimeOffset]
	if len(v) != 4 {
		return 0, false
	}
	d = time.Duration(int32(binary.BigEndian.Uint32(v))) * time.Second
	return d, d > -maxOffset && d < maxOffset
}

// writeOffset is the row of option 2: zero is an offset.
func writeOffset(o *object, name string, l *Lease) {
	if d, ok := l.UTCOffset(); ok {
		o.number(name, int64(d/time.Second))
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// A zoneReader reads what TZ holds. Its methods take something off the front of
// rest, and say whether it was there.
type zoneReader struct{ rest string }

// zone is a name and how far it is behind UTC, and then, where there is a summer
// time, its name, how far that is, and when it begins and ends.
func (z *zoneReader) zone() bool {
	if !z.name() || !z.time(24) {
		return false
	}
	if z.rest == "" {
		return true
	}
	if !z.name() {
		return false
	}
	if z.rest != "" && z.rest[0] != ',' && !z.time(24) {
		return false
	}
	if z.rest == "" {
		return true // the rules are the host's
	}
	begins := z.rule()
	return begins && z.rule() && z.rest == ""
}

// name is three letters or more, or with digits and signs too in brackets.
func (z *zoneReader) name() bool {
	n := 0
	if z.take('<') {
		for n < len(z.rest) && (isLetter(z.rest[n]) || isDigit(z.rest[n]) || z.rest[n] == '+' || z.rest[n] == '-') {
			n++
		}
		z.rest = z.rest[n:]
		return n >= 3 && z.take('>')
	}
	for n < len(z.rest) && isLetter(z.rest[n]) {
		n++
	}
	z.rest = z.rest[n:]
	return n >= 3
}

// rule is a day of the year, and the time of that day unless it is 02:00.
func (z *zoneReader) rule() bool {
	if !z.take(',') {
		return false
	}
	switch {
	case z.take('M'):
		if !z.number(1, 12) || !z.take('.') || !z.number(1, 5) || !z.take('.') || !z.number(0, 6) {
			return false
		}
	case z.take('J'):
		if !z.number(1, 365) {
			return false
		}
	case !z.number(0, 365):
		return false
	}
	return !z.take('/') || z.time(167) // a week, as zoneinfo files of our time have
}

// time is [+-]hh[:mm[:ss]].
func (z *zoneReader) time(hours int) bool {
	_ = z.take('+') || z.take('-')
	if !z.number(0, hours) {
		return false
	}
	for range 2 {
		if z.take(':') && !z.number(0, 59) {
			return false
		}
	}
	return true
}

// number is three digits at most, of a value from least to most.
func (z *zoneReader) number(least, most int) bool {
	n, value := 0, 0
	for n < len(z.rest) && n < 3 && isDigit(z.rest[n]) {
		value = 10*value + int(z.rest[n]-'0')
		n++
	}
	z.rest = z.rest[n:]
	return n > 0 && value >= least && value <= most
}

func (z *zoneReader) take(c byte) bool {
	if z.rest == "" || z.rest[0] != c {
		return false
	}
	z.rest = z.rest[1:]
	return true
}
