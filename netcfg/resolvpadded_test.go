package netcfg

import (
	"strings"
	"testing"
)

// A client that dies between the two steps of writing in place leaves empty
// lines behind the text. The text is still known for what it is: ours is
// replaced, and what stood there before comes back to the letter.
func TestResolver_DiedBeforeTheCut_HST_06(t *testing.T) {
	padding := strings.Repeat("\n", 200)
	for name, died := range map[string]func(d *desk){
		"while it wrote ours":           func(d *desk) { writeFile(t, d.path, readFile(t, d.path)+padding) },
		"while it restored":             func(d *desk) { writeFile(t, d.path, original+padding) },
		"while it restored, and undone": func(d *desk) { writeFile(t, d.path, original+padding); apply(t, d.client(t, "eth0", 1), dnsB) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			apply(t, d.client(t, "eth0", 1), dnsA)
			died(d)
			apply(t, d.client(t, "eth0", 1), "", dnsA)
			if got := readFile(t, d.path); got != original {
				t.Errorf("restored:\n%q", got)
			}
			if got := d.log.String(); got != "" {
				t.Errorf("log:\n%s", got)
			}
		})
	}
}
