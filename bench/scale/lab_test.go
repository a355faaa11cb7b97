package scale

import (
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) { nettest.Main(m) }

// What is measured of a client that is known: udhcpc sends two messages for a
// lease, and is a process for each link.
func TestMeasure(t *testing.T) {
	nettest.Require(t)
	const links = 20
	l, err := newLab(links)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	all := peers(l.dir)
	if len(all) == 0 || all[0].path != "/usr/sbin/udhcpc" {
		t.Fatal("udhcpc is not installed")
	}
	row, err := l.measure(all[0], 30*time.Second, withMemory)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", row)
	// The shell that has started them is one more process.
	if row.Bound != links || row.Processes != links+1 || row.Messages < 2*links || row.Burst > row.Messages {
		t.Errorf("%+v", row)
	}
	if kib := row.Anon / links; kib < 20 || kib > 2000 || row.Seconds <= 0 || row.Seconds > 30 {
		t.Errorf("%d KiB a process, %v s: %+v", kib, row.Seconds, row)
	}
	if pids, err := processes(); err != nil || len(pids) > 0 {
		t.Errorf("left over: %v %v", pids, err)
	}
}

// A client that ends before it has all links is no measurement.
func TestMeasure_Ended(t *testing.T) {
	nettest.Require(t)
	l, err := newLab(2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	c := contender{name: "short", argv: []string{"sh", "-c", "echo that was it"}, kind: ours}
	if row, err := l.measure(c, 30*time.Second, timeOnly); err == nil {
		t.Errorf("%+v", row)
	}
}
