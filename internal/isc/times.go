package isc

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// appendTime writes a time as dhclient.leases has it: the day of the week, 0
// for Sunday, and the date and time in UTC. The zero Time is never.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "never"...)
	}
	t = t.UTC()
	b = append(b, '0'+byte(t.Weekday()), ' ')
	return t.AppendFormat(b, "2006/01/02 15:04:05")
}

var errTime = errors.New("not a time like 3 2026/11/25 12:00:00")

// parseTime reads a time: the day of the week, which is not looked at, and the
// date in UTC with an offset in seconds or none; "epoch" and seconds; or never,
// which is the zero Time with never set.
func parseTime(text string) (t time.Time, never bool, err error) {
	f := strings.Fields(text)
	switch {
	case len(f) == 1 && equalFold(f[0], "never"):
		return time.Time{}, true, nil
	case len(f) == 2 && equalFold(f[0], "epoch"):
		n, err := strconv.ParseUint(f[1], 10, 40)
		if err != nil {
			return time.Time{}, false, errTime
		}
		return time.Unix(int64(n), 0).UTC(), false, nil
	case len(f) != 3 && len(f) != 4:
		return time.Time{}, false, errTime
	}
	if _, err := strconv.ParseUint(f[0], 10, 8); err != nil {
		return time.Time{}, false, errTime
	}
	if t, err = time.Parse("2006/1/2 15:4:5", f[1]+" "+f[2]); err != nil || t.Year() < 1970 {
		return time.Time{}, false, errTime
	}
	if len(f) == 4 {
		offset, err := strconv.ParseInt(f[3], 10, 32)
		if err != nil {
			return time.Time{}, false, errTime
		}
		t = t.Add(time.Duration(offset) * time.Second)
	}
	return t, false, nil
}
