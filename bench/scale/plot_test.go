package scale

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// figures are of a run that nobody made.
func figures() *Result {
	r := &Result{Machine: Machine{CPU: "a processor", Processors: 2, Kernel: "6.1"}, Programs: map[string]string{"dnsmasq": "2.90"}}
	for i, n := range []int{100, 400} {
		f := math.Pow(4, float64(i))
		r.Rows = append(r.Rows,
			Row{Client: "replay", Kind: "floor", Links: n, Bound: n, Seconds: 0.05 * f, Messages: 2 * n, CPU: 0.25, IdleCPU: -1, IdleSwitches: -1},
			Row{Client: "dhclient-go agent", Kind: "ours", Links: n, Bound: n, Seconds: 0.1 * f, Messages: 2 * n, CPU: 1, Anon: 8192 + 10*n, Processes: 1},
			Row{Client: "slow <&> late", Kind: "peer", Links: n, Bound: n - 200*i, Seconds: 20, Messages: 3 * n, CPU: -1, IdleCPU: -1, IdleSwitches: -1})
	}
	return r
}

// What is drawn is well-formed XML, has each client that had all links, and is
// within its borders.
func TestPlot(t *testing.T) {
	t.Parallel()
	svg := figures().Plot()
	circles, texts := 0, ""
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "circle" {
				circles++
			}
		case xml.CharData:
			texts += string(token) + "\n"
		default:
		}
	}
	// Time: two and two and one; memory: two.
	if circles != 7 {
		t.Errorf("%d points", circles)
	}
	for _, want := range []string{"slow <&> late", "dhclient-go agent", "replay", "\n400\n"} {
		if !strings.Contains(texts, want) {
			t.Errorf("%q is not in it: %q", want, texts)
		}
	}
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
		t.Errorf("not a number in\n%s", svg)
	}
}

// A table fits a terminal, and says what was not measured, or not reached.
func TestTable(t *testing.T) {
	t.Parallel()
	r := figures()
	r.Storms = []Storm{{Client: "dhclient-go agent", Links: 400, T1: 40, Renewals: Wave{Seconds: 4, BySecond: []int{100, 300}, Messages: 400, Burst: 310},
		Flap: Wave{Seconds: 10.5, BySecond: []int{1000, 1000}, Messages: 2000, Burst: 1000}, Kept: 1000}}
	var b strings.Builder
	r.Print(&b)
	for line := range strings.Lines(b.String()) {
		if len(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
	for _, want := range []string{"50 %", "10.0", "at most 310 in a second", "dnsmasq 2.90"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// The most in a second are found wherever it begins.
func TestPerSecond(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	var list []heard
	for _, ms := range []int{100, 900, 950, 1100, 1899, 2500} {
		list = append(list, heard{at: start.Add(time.Duration(ms) * time.Millisecond)})
	}
	by, most := perSecond(list, start)
	if len(by) != 3 || by[0] != 3 || by[1] != 2 || by[2] != 1 || most != 4 {
		t.Errorf("%v, at most %d", by, most)
	}
}

// What the bridge carries is read, and what is cut off is not.
func TestParseHeard(t *testing.T) {
	t.Parallel()
	b := make([]byte, 20+8+240)
	b[0] = 0x45
	copy(b[20+8+28:], []byte{2, 0, 0, 0, 0, 7})
	b = append(b, 0, 61, 1, 9, 53, 1, 5, 255)
	h, ok := parseHeard(b)
	if !ok || h.kind != 5 || h.client != [6]byte{2, 0, 0, 0, 0, 7} {
		t.Errorf("%+v %v", h, ok)
	}
	for n := range len(b) - 1 {
		if h, ok := parseHeard(b[:n]); ok && h.kind != 5 {
			t.Errorf("the first %d octets: %+v", n, h)
		}
	}
}

// A client that is too slow is not waited for again.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	r := figures()
	for client, limit := range map[string]time.Duration{"dhclient-go agent": time.Second, "slow <&> late": time.Hour, "replay": time.Second / 2} {
		// 0.4 s on 400 links would be 1.6 s on 1000; the late one had not all.
		if !r.tooSlow(client, 1000, limit) {
			t.Errorf("%s has %v", client, limit)
		}
	}
	if r.tooSlow("dhclient-go agent", 1000, 2*time.Second) || r.tooSlow("another", 1000, 0) {
		t.Error("who is fast enough, or is not known, is left out")
	}
}
