package peers

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile/lab"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

var (
	program = flag.String("peers.program", "", "measure: the path of dhclient-go")
	write   = flag.String("peers.write", "", "the file whose table is replaced")
	clients = flag.String("peers.clients", "", "only the clients whose name matches this pattern")
	rows    = flag.String("peers.rows", "", "only the rows whose group/name matches this pattern")
)

// TestMain runs in the namespaces.
func TestMain(m *testing.M) { nettest.Main(m) }

// slack is for how late something is seen, and for how long a script takes.
const slack = time.Second

// TestPeers measures, which takes a quarter of an hour: see make peers.
func TestPeers(t *testing.T) {
	if *program == "" {
		t.Skip("measures only where it is given -peers.program: make peers")
	}
	nettest.Require(t)
	s := newSheet()
	who := regexp.MustCompile(*clients)
	for _, p := range peers(*program) {
		if !who.MatchString(p.name) {
			continue
		}
		version, err := p.versionOf()
		s.columns = append(s.columns, column{peer: p.name, version: version, err: err})
		if err == nil {
			t.Run(p.name, func(t *testing.T) { measure(t, p, s) })
		}
	}
	t.Logf("\n%s", s)
	if *write != "" {
		if err := s.into(*write); err != nil {
			t.Fatal(err)
		}
	}
}

// measure plays all rows against a peer, side by side.
func measure(t *testing.T, p peer, s *sheet) {
	which := regexp.MustCompile(*rows)
	for _, g := range hostile.Table() {
		for _, row := range g.Rows {
			if name := g.Title + "/" + row.Name; which.MatchString(name) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					c := play(t, p, row)
					for c.runs < 3 && c.faults > 0 {
						c = c.and(play(t, p, row))
					}
					s.set(p.name, g.Title, row.Name, c)
				})
			}
		}
	}
}

// play is one run.
func play(t *testing.T, p peer, row hostile.Row) cell {
	var log bytes.Buffer
	rec, found := lab.Play(t, row, hostile.Full, lab.Client{
		Slack: slack,
		Start: func(t testing.TB, ns *nettest.NS) lab.Process { return p.start(t, ns, &log) },
	})
	c := cell{runs: 1}
	for _, f := range found {
		if !f.OK {
			c.faults = 1
			c.saw = append(c.saw, f.Saw)
			t.Log(f)
		}
	}
	if c.faults > 0 {
		t.Logf("%s\n%s\n%s", row.About, rec, tail(log.String()))
	}
	return c
}

// tail is the end of a log.
func tail(log string) string { return log[max(0, len(log)-4000):] }

// A cell is what became of a row.
type cell struct {
	runs, faults int
	// saw is what was seen when it failed first.
	saw []string
}

// and adds a run.
func (c cell) and(d cell) cell {
	c.runs, c.faults = c.runs+d.runs, c.faults+d.faults
	return c
}

// The document has a line for each row of the table: one that was added since is
// not measured, which make peers does.
func TestDocument(t *testing.T) {
	b, err := os.ReadFile("../../docs/peers.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	for _, g := range hostile.Table() {
		if !strings.Contains(doc, "### "+g.Title+"\n") {
			t.Errorf("docs/peers.md has no group %q", g.Title)
		}
		for _, row := range g.Rows {
			if !strings.Contains(doc, "\n| "+title(row)+" |") {
				t.Errorf("docs/peers.md has no row %q of %q: run make peers", row.Name, g.Title)
			}
		}
	}
}

// A sheet is the cells.
type sheet struct {
	columns []column
	mu      sync.Mutex
	cells   map[[3]string]cell
}

type column struct {
	peer, version string
	err           error
}

func newSheet() *sheet { return &sheet{cells: map[[3]string]cell{}} }

func (s *sheet) set(peer, group, row string, c cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells[[3]string{peer, group, row}] = c
}
