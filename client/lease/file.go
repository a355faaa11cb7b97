package lease

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// fileVersion is the version of the file's form; another is not read.
const fileVersion = 1

// maxFile is the largest file that is read: a lease with every option that a
// message of 64 KiB can hold stays below it.
const maxFile = 1 << 18

// MaxEncoded is the longest that Encode returns, and the longest that Decode
// reads, in octets.
const MaxEncoded = maxFile

// file is the form on disk: the lease, and when it began on a clock that no
// setting moves, to be used while the machine has not rebooted.
type file struct {
	Version  int    `json:"version"`
	BootID   string `json:"boot_id,omitempty"`
	BootTime int64  `json:"boot_time_ns"`
	Lease    *Lease `json:"lease"`
}

// timing is what tells two processes when a lease began.
type timing struct {
	now       func() time.Time
	wall      func() time.Time
	sinceBoot func() time.Duration
	bootID    func() string
}

var realTiming = timing{now: Now, wall: time.Now, sinceBoot: SinceBoot, bootID: BootID}

// Encode returns l as a Dir stores it, in one line: the JSON of a Lease, and when
// it began on a clock that both this process and the one that reads it have.
func Encode(l *Lease) ([]byte, error) {
	f := realTiming.file(l)
	b, err := f.marshal()
	if err == nil && len(b) > MaxEncoded {
		err = fmt.Errorf("longer than %d octets", MaxEncoded)
	}
	if err != nil {
		return nil, fmt.Errorf("encode lease: %w", err)
	}
	return b, nil
}

// Decode reads what Encode has written, with Start on the time line of Now. It
// takes nothing that a Lease must not hold, whoever has written it.
func Decode(b []byte) (*Lease, error) {
	if len(b) > MaxEncoded {
		return nil, fmt.Errorf("decode lease: longer than %d octets", MaxEncoded)
	}
	l, err := realTiming.decode(b)
	if err != nil {
		return nil, fmt.Errorf("decode lease: %w", err)
	}
	return l, nil
}

// file is l as it is written.
func (c timing) file(l *Lease) file {
	age := c.now().Sub(l.Start)
	stored := *l
	// The wall clock may have been set since the process started.
	stored.Start = c.wall().Round(0).UTC().Add(-age)
	return file{fileVersion, c.bootID(), int64(c.sinceBoot() - age), &stored}
}

// decode is the lease in what was written.
func (c timing) decode(b []byte) (*Lease, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	switch {
	case f.Version != fileVersion:
		return nil, fmt.Errorf("version %d, not %d", f.Version, fileVersion)
	case f.Lease == nil:
		return nil, errors.New("no lease in it")
	}
	if id := c.bootID(); id != "" && id == f.BootID {
		// The same boot: CLOCK_BOOTTIME knows, whatever the wall clock says.
		f.Lease.Start = c.now().Add(time.Duration(f.BootTime) - c.sinceBoot())
	}
	return f.Lease, nil
}
