package metrics

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// A series is a line of an exposition.
type series struct {
	name   string
	labels map[string]string
	value  float64
}

var (
	headLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} ([^ ]+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)`)
	number64   = regexp.MustCompile(`^([+-]Inf|NaN|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?)$`)
)

// A checker reads an exposition as strictly as the format 0.0.4 and its
// conventions have it.
type checker struct {
	t       *testing.T
	family  *Family
	typed   bool
	seen    map[string]bool
	all     []series
	present []string
}

// check returns the series of a text, which is as the format wants it.
func check(t *testing.T, text []byte) []series {
	t.Helper()
	c := &checker{t: t, seen: map[string]bool{}}
	if !utf8.Valid(text) || len(text) == 0 || text[len(text)-1] != '\n' {
		t.Fatalf("no UTF-8 that ends with a newline: %q", text)
	}
	for line := range strings.Lines(string(text)) {
		c.line(strings.TrimSuffix(line, "\n"))
	}
	c.histograms()
	return c.all
}

func (c *checker) line(line string) {
	c.t.Helper()
	if m := headLine.FindStringSubmatch(line); m != nil {
		c.head(m[1], m[2], m[3])
		return
	}
	m := sampleLine.FindStringSubmatch(line)
	if m == nil || !number64.MatchString(m[3]) {
		c.t.Errorf("neither a heading nor a sample: %q", line)
		return
	}
	v, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		c.t.Errorf("%q: %v", line, err)
	}
	s := series{m[1], map[string]string{}, v}
	var names []string
	for rest := m[2]; rest != ""; {
		p := labelPair.FindStringSubmatch(rest)
		if p == nil {
			c.t.Fatalf("labels of %q at %q", line, rest)
		}
		if _, ok := s.labels[p[1]]; ok {
			c.t.Errorf("%q has %s twice", line, p[1])
		}
		s.labels[p[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(p[2])
		names = append(names, p[1])
		rest = rest[len(p[0]):]
	}
	c.sample(line, s, names)
}

func (c *checker) head(kind, name, text string) {
	c.t.Helper()
	if kind == "TYPE" {
		if c.family == nil || c.family.Name != name || c.typed || text != c.family.Type {
			c.t.Errorf("a TYPE in the wrong place, or another: %s %s", name, text)
		}
		c.typed = true
		return
	}
	i := slices.IndexFunc(Families(), func(f Family) bool { return f.Name == name })
	if i < 0 || slices.Contains(c.present, name) || strings.ContainsAny(text, "\\\n") || text != Families()[i].Help {
		c.t.Fatalf("a family that there is not, or twice: %s %s", name, text)
	}
	c.family, c.typed = &Families()[i], false
	c.present = append(c.present, name)
}

func (c *checker) sample(line string, s series, names []string) {
	c.t.Helper()
	if c.family == nil || !c.typed {
		c.t.Fatalf("a sample without a heading: %q", line)
	}
	want := c.family.Labels
	switch suffix := strings.TrimPrefix(s.name, c.family.Name); {
	case s.name == c.family.Name && c.family.Type != histogram:
	case c.family.Type == histogram && suffix == "_bucket":
		want = append(want[:len(want):len(want)], "le")
	case c.family.Type == histogram && (suffix == "_sum" || suffix == "_count"):
	default:
		c.t.Errorf("a sample of another family than %s: %q", c.family.Name, line)
	}
	if !slices.Equal(names, want) {
		c.t.Errorf("labels %v, not %v: %q", names, want, line)
	}
	key := s.name + fmt.Sprint(s.labels)
	if c.seen[key] {
		c.t.Errorf("twice: %q", line)
	}
	c.seen[key] = true
	if c.family.Type != gauge && (s.value < 0 || math.IsInf(s.value, 0) || math.IsNaN(s.value)) {
		c.t.Errorf("not a count: %q", line)
	}
	c.all = append(c.all, s)
}

// histograms looks whether buckets grow and end with the count.
func (c *checker) histograms() {
	c.t.Helper()
	var last, bound float64
	for _, s := range c.all {
		switch {
		case strings.HasSuffix(s.name, "_bucket"):
			le, err := strconv.ParseFloat(s.labels["le"], 64)
			if err != nil || s.value < last || le <= bound {
				c.t.Errorf("a bucket that is less than the one before: %+v", s)
			}
			last, bound = s.value, le
		case strings.HasSuffix(s.name, "_count"):
			if s.value != last || !math.IsInf(bound, 1) {
				c.t.Errorf("%+v, but the last bucket is %v up to %v", s, last, bound)
			}
			last, bound = 0, 0
		}
	}
}

// value is that of the only series with that name and those labels, given as
// name=value.
func value(t *testing.T, all []series, name string, labels ...string) float64 {
	t.Helper()
	found := math.NaN()
	n := 0
	for _, s := range all {
		fits := s.name == name
		for _, l := range labels {
			key, v, _ := strings.Cut(l, "=")
			fits = fits && s.labels[key] == v
		}
		if fits {
			found = s.value
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d series %s %v", n, name, labels)
	}
	return found
}
