package agentconf

import (
	"fmt"
	"strings"
	"testing"
)

// words is a file in one line for each section, to compare it.
func words(f *File) string {
	var b strings.Builder
	section := func(name string, s *Section) {
		if s.Line == 0 {
			return
		}
		fmt.Fprintf(&b, "%s@%d", name, s.Line)
		for _, t := range s.Settings {
			fmt.Fprintf(&b, " %s@%d=", t.Key, t.Line)
			writeValues(&b, t.Values, t.List)
		}
		b.WriteByte('\n')
	}
	section("agent", &f.Agent)
	section("defaults", &f.Defaults)
	for i := range f.Links {
		l := &f.Links[i]
		section("link", &l.Section)
		b.WriteString("  match=")
		writeValues(&b, l.Match, true)
		b.WriteString(" netns=")
		writeValues(&b, l.Netns, true)
		fmt.Fprintf(&b, " serve=%v\n", l.Serve)
	}
	return b.String()
}

func writeValues(b *strings.Builder, all []Value, list bool) {
	var words []string
	for _, v := range all {
		words = append(words, fmt.Sprintf("%q:%d@%d", v.Text, v.Kind, v.Line))
	}
	text := strings.Join(words, ",")
	if list {
		text = "[" + text + "]"
	}
	b.WriteString(text)
}

func TestParse_Sections(t *testing.T) {
	text := strings.Replace(strings.Join([]string{
		"[agent]", `match = ["veth*",`, "  # between", "'x']", "[defaults]", `acd = "off"`, `"no-dns" = true`,
		"[[link]]", `match = "driver:virtio*"`, "metric = 0x1_0", "verbose = +2", `hostname = """`, `a\u0062"""`,
		"[[link]]", `netns = ["blue", "r?d"]`, "serve = false", "script = []",
	}, "\n"), "\n", "\r\n", 3)
	f, err := Parse("agent.toml", []byte("\ufeff"+text))
	if err != nil {
		t.Fatal(err)
	}
	want := `agent@1 match@2=["veth*":0@2,"x":0@4]
defaults@5 acd@6="off":0@6 no-dns@7="true":2@7
link@8 metric@10="16":1@10 verbose@11="2":1@11 hostname@12="ab":0@12
  match=["driver:virtio*":0@9] netns=[] serve=true
link@14 script@17=[]
  match=[] netns=["blue":0@15,"r?d":0@15] serve=false
`
	if got := words(f); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestParse_WhatIsRefused(t *testing.T) {
	many := strings.Repeat("a", 100)
	for _, c := range []struct{ name, text, want string }{
		{"no heading", "metric = 5\nmtu = 3", "F:1: metric: stands under no heading: [agent], [defaults] or [[link]]\n" +
			"F:2: mtu: stands under no heading: [agent], [defaults] or [[link]]"},
		{"inline", "link = [{match = 'a'}]", "F:1: link: stands under no heading: [agent], [defaults] or [[link]]"},
		{"unknown heading", "[default]\na = 1\nb = 1", "F:1: no section is called default; did you mean defaults?"},
		{"strange heading", "[\"\\u001b[1m" + many + "\"]", `F:1: no section is called "\x1b[1m` + many[:60] + `..."`},
		{"below a heading", "[agent.log]", "F:1: no section is called agent.log"},
		{"twice", "[agent]\n[defaults]\n[agent]\nx = 1", "F:3: [agent] stands in line 1 already"},
		{"a list of one", "[[defaults]]", "F:1: [[defaults]] is written [defaults], since there is one"},
		{"one of a list", "[link]", "F:1: [link] is written [[link]], since there may be several"},
		{"a key twice", "[agent]\nm = 1.5\nm = 2", "F:2: m: a number with a fraction is no value here: a value is a string, an integer, true, false, or a list of those\n" +
			"F:3: m: is set in line 2 already"},
		{"a key twice in one section", "[[link]]\nmatch='a'\nx=1\n[[link]]\nmatch='b'\nx=1\n'x'=2", "F:7: x: is set in line 6 already"},
		{"a table", "[agent]\nm = {a = 1}", "F:2: m: a table is no value here: a value is a string, an integer, true, false, or a list of those"},
		{"a date", "[agent]\nm = [\n1,\n2026-01-02]", "F:4: m: a date is no value here: a value is a string, an integer, true, false, or a list of those"},
		{"lists", "[agent]\nm = [[1]]", "F:2: m: a list in a list is no value here: a value is a string, an integer, true, false, or a list of those"},
		{"a large number", "[agent]\nm = 9223372036854775808", "F:2: m: 9223372036854775808 is too large a number"},
		{"no selector", "[[link]]\nmetric = 3", `F:1: match: is missing: match = "*" is every link`},
		{"no string", "[[link]]\nmatch = ['a', 3]\nnetns = true", "F:2: match: 3 is not a string\nF:3: netns: true is not a string"},
		{"serve", "[[link]]\nmatch = 'a'\nserve = 'no'", "F:3: serve: is neither true nor false"},
		{"serve list", "[[link]]\nmatch = 'a'\nserve = [true]", "F:3: serve: is neither true nor false"},
		{"serve nothing", "[[link]]\nmatch = 'a'\nserve = []", "F:3: serve: is neither true nor false"},
		{"an empty match", "[[link]]\nmatch = []\nnetns = 'a'", "F:2: match: is an empty list, which fits nothing"},
		{"no TOML", "[agent]\nm = 1\nn = eth0\n[[link]]", "F:3: unexpected character U+0065 'e' at start of value"},
		{"a dot", "[agent]\nm.n = 1\nm.n = 2", "F:3: m.n: is set in line 2 already"},
		{"not UTF-8", "[agent]\n# a\n# \xff", "F:3: is not UTF-8"},
		{"a NUL", "[agent]\n\x00", "F:2: invalid character at start of key: U+0000"},
		{"cut off", "[agent]\nm = \"", "F:2: unterminated basic string"},
		{"many values", "[agent]\nm = [" + strings.Repeat("1,", maxValues+1) + "]", "F:2: m: has more than 1000 values"},
		{"many sections", strings.Repeat("[[link]]\nmatch='*'\n", maxLinks+1), "F:2001: more than 1000 sections [[link]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse("F", []byte(c.text))
			if err == nil || f != nil || err.Error() != c.want {
				t.Errorf("got %v,\n%v\nwant\n%s", f, err, c.want)
			}
		})
	}
}

func TestParse_BoundsTheErrors(t *testing.T) {
	_, err := Parse("F", []byte(strings.Repeat("a = 1\n", 100)))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxErrors+1 || lines[maxErrors] != "F: and 80 more errors" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	var text strings.Builder
	text.WriteString("[agent]\n")
	for i := range maxKeys + 2 {
		fmt.Fprintf(&text, "k%d = 1\n", i)
	}
	if _, err = Parse("F", []byte(text.String())); err == nil || err.Error() != "F:202: k200: the section has more than 200 keys" {
		t.Error(err)
	}
}

func TestHint(t *testing.T) {
	known := []string{"metric", "match", "no-dns", "acd"}
	for word, want := range map[string]string{
		"metrik": "; did you mean metric?", "mertic": "; did you mean metric?", "no_dns": "; did you mean no-dns?",
		"adc": "; did you mean acd?", "matches": "; did you mean match?", "hostname": "", "": "", "x": "",
	} {
		if got := Hint(word, known); got != want {
			t.Errorf("%q: %q, not %q", word, got, want)
		}
	}
}

// FuzzParse: no text makes it panic, what it takes is within the limits, and what
// it refuses has a place.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "[agent]\nmatch = 'a'\n", "[defaults]\r\na = [1, true, \"x\"]", "[[link]]\nmatch=['*']\nserve=false",
		"\ufeff# c", "a.b = {c = [1.5, 1979-05-27T07:32:00Z]}", "[link]\n[[agent]]", "[agent]\na = \"\\uD800\"", "[agent]\na = '''\n'''''",
		"x = [" + strings.Repeat("[", 200), "[agent]\na = 0xFFFFFFFFFFFFFFFFFF", "[agent]\na = 08:00:00\r", "[agent]\na=\"\"\"\\\r\n\"\"\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := string(text)
		file, err := Parse("F", text)
		if string(text) != given {
			t.Error("the text was written to")
		}
		lines := strings.Count(given, "\n") + 1
		if err != nil {
			if file != nil {
				t.Error("a file and an error")
			}
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				if e, ok := e.(*Error); !ok || e.Line < 0 || e.Line > lines || strings.ContainsAny(e.Key, "\n") && !strings.Contains(e.Error(), `\n`) {
					t.Errorf("%#v of %d lines", e, lines)
				}
			}
			return
		}
		for _, s := range append([]Section{file.Agent, file.Defaults}, sections(file)...) {
			seen := map[string]bool{}
			for _, set := range s.Settings {
				if seen[set.Key] || set.Line < 1 || set.Line > lines || len(set.Values) > maxValues || !set.List && len(set.Values) != 1 {
					t.Errorf("%#v", set)
				}
				seen[set.Key] = true
			}
		}
	})
}

func sections(f *File) (all []Section) {
	for i := range f.Links {
		all = append(all, f.Links[i].Section)
	}
	return all
}
