package peers

import (
	"bytes"
	"flag"
	"os"
	"regexp"
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
	runs    = flag.Int("peers.runs", 1, "how often each row is played at least")
	rows    = flag.String("peers.rows", "", "only the rows whose group/name matches this pattern")
)

// TestMain runs in the namespaces.
func TestMain(m *testing.M) { nettest.Main(m) }

// slack is for how late something is seen, and for how long a script takes.
const slack = time.Second

// TestPeers measures, which takes about twenty minutes: see make peers.
func TestPeers(t *testing.T) {
	if *program == "" {
		t.Skip("measures only where it is given -peers.program: make peers")
	}
	nettest.Require(t)
	doc := read(t, *write)
	s := &sheet{cells: map[place]string{}}
	s.read(doc)
	who := regexp.MustCompile(*clients)
	t.Run("clients", func(t *testing.T) {
		for _, p := range peers(*program) {
			version, err := p.versionOf()
			if p.path == *program {
				version = "of this tree"
			}
			s.columns = append(s.columns, column{peer: p.name, version: version, err: err})
			if err == nil && who.MatchString(p.name) {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					measure(t, p, s)
				})
			}
		}
	})
	t.Logf("\n%s", s)
	if *write == "" {
		return
	}
	doc, err := s.into(doc)
	if err == nil {
		err = os.WriteFile(*write, []byte(doc), 0o644)
	}
	if err != nil {
		t.Fatalf("write the table: %v", err)
	}
}

// read reads the document; there is none without a name.
func read(t *testing.T, path string) string {
	t.Helper()
	if path == "" {
		return ""
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
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
					for c.runs < *runs || c.runs < 3 && c.faults > 0 {
						c = c.and(play(t, p, row))
					}
					s.set(g, row, p.name, c)
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
