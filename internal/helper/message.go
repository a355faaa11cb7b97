package helper

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

const (
	// maxMessage is the longest message: two leases of the longest datagrams
	// that there are, and more than twice that. The configuration may be longer:
	// the kernel takes arguments and an environment of some MiB (execve(2)).
	maxMessage = 1 << 20
	maxConfig  = 16 << 20
)

// An op is what is asked of the helper.
type op string

const (
	// opOpen says what is done for a link.
	opOpen op = "open"
	// opResolver, opHostname and opScript are an Apply or ApplyFor.
	opResolver op = "resolver"
	opHostname op = "hostname"
	opScript   op = "script"
	opPreinit  op = "preinit"
	// opTell has no answer.
	opTell  op = "tell"
	opClose op = "close"
	// opLeave is daemon.LeaveStdio.
	opLeave  op = "leave"
	opRun    op = "run"
	opSignal op = "signal"
	// opCancel cuts short what another request has begun.
	opCancel op = "cancel"
)

// A request goes to the helper.
type request struct {
	// ID is 0 for what has no answer; opCancel and opSignal say here which
	// request they are about.
	ID uint64 `json:"id,omitempty"`
	Op op     `json:"op"`
	// Link is the number of a link, and Open what it is to have, with opOpen.
	Link uint32    `json:"link,omitempty"`
	Open *wireLink `json:"open,omitempty"`
	// Limit is how long it may take; 0 for no limit.
	Limit time.Duration `json:"limit,omitempty"`
	// Why, Message, Next and Prev are those of the methods of a hook.Script.
	Why     client.Reason   `json:"why,omitempty"`
	Message []byte          `json:"message,omitempty"`
	Next    json.RawMessage `json:"next,omitempty"`
	Prev    json.RawMessage `json:"prev,omitempty"`
	// KeepFiles is that of daemon.LeaveStdio.
	KeepFiles bool `json:"keep_files,omitempty"`
	// Vars are what opRun adds to the environment.
	Vars [][]byte `json:"vars,omitempty"`
	// Signal is the number, with opSignal.
	Signal int `json:"signal,omitempty"`
}

// A wireLink is what is done for a link: what it has, and no more.
type wireLink struct {
	Name     []byte            `json:"name"`
	Resolver *wireLinkResolver `json:"resolver,omitempty"`
	Hostname bool              `json:"hostname,omitempty"`
	Script   *wireLinkScript   `json:"script,omitempty"`
}

type wireLinkResolver struct {
	Metric    int  `json:"metric"`
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Row is that of Config.Resolver, or of the MoreResolvers that follow it.
	Row int `json:"row,omitempty"`
}

type wireLinkScript struct {
	// Row is that of Config.Scripts.
	Row       int     `json:"row"`
	Requested []uint8 `json:"requested,omitempty"`
}

// An answer comes from the helper: to a request, or a record for the log.
type answer struct {
	ID uint64 `json:"id,omitempty"`
	// Failed is the error; nil for none.
	Failed *failure `json:"failed,omitempty"`
	// Pid is that of the program of opRun; it is answered again when that has
	// ended, with Status as wait(2) has it.
	Pid    int     `json:"pid,omitempty"`
	Status *uint32 `json:"status,omitempty"`
	Log    *record `json:"log,omitempty"`
}

// frame is a message as it is sent: four octets of length, and JSON.
func frame(message any, limit int) ([]byte, error) {
	text, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encode a message: %w", err)
	}
	if len(text) > limit {
		return nil, fmt.Errorf("a message of %d octets, more than %d", len(text), limit)
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), uint32(len(text)))
	return append(b, text...), nil
}

// read reads one message. The error is io.EOF where there is no more.
func read(r io.Reader, limit int, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n > int64(limit) {
		return fmt.Errorf("a message of %d octets, more than %d", n, limit)
	}
	// It grows with what comes: a length alone takes no memory.
	var text bytes.Buffer
	switch got, err := io.CopyN(&text, r, n); {
	case err == nil:
	case errors.Is(err, io.EOF):
		return fmt.Errorf("a message ends after %d of %d octets", got, n)
	default:
		return err
	}
	return decode(text.Bytes(), message)
}

// decode reads JSON that has nothing unknown in it and nothing behind it.
func decode(text []byte, message any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(message)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // an empty message is not the end of them
	}
	if err != nil {
		return fmt.Errorf("decode a message: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("decode a message: there is more behind it")
	}
	return nil
}
