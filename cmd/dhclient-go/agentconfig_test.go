package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/agentconf"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// agentConf reads a config file with that text.
func agentConf(t *testing.T, text string) (*agentConfig, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readAgentConfig(path, fileFlags(), newAgentOptions)
	return c, path, err
}

// noDriver is of links whose driver nobody may ask for.
func noDriver(name string) (string, error) {
	return "", fmt.Errorf("the driver of %s was asked for", name)
}

func TestAgentConfig_AKeyIsAFlag(t *testing.T) {
	c, _, err := agentConf(t, `
[agent]
match = ["eth*", "mac:02:00:00:00:00:01"]
verbose = 2
control-dir = "/run/x"
[defaults]
acd = "off"
request-option = [121, "ntp-servers"]
no-dns = true
metric = 70
set-hostname = true
[[link]]
match = "eth1"
metric = "0x1"
[[link]]
match = "eth2"
no-dns = false
set-hostname = false
metric = 50
request-option = []
start-delay = 2
`)
	if c != nil && err == nil || !strings.HasSuffix(err.Error(), `agent.toml:14: metric: "0x1" is not a number from 1 to 2147483647`) {
		t.Fatalf("%v", err)
	}
	c, _, err = agentConf(t, `
[agent]
match = ["eth*", "mac:02:00:00:00:00:01"]
verbose = 2
[defaults]
acd = "off"
request-option = [121, "ntp-servers"]
no-dns = true
set-hostname = true
[[link]]
match = "eth1"
metric = 0x32
set-hostname = "always"
[[link]]
match = "eth2"
no-dns = false
set-hostname = false
request-option = []
start-delay = 2
`)
	if err != nil {
		t.Fatal(err)
	}
	if p := c.process; p.verbosity != 2 || !slices.Equal(p.links, []string{"eth*", "mac:02:00:00:00:00:01"}) {
		t.Errorf("[agent]: %d, %q", p.verbosity, p.links)
	}
	for name, flags := range map[string][]string{
		"eth1": {"--acd=off", "-O121,ntp-servers", "--no-dns", "--metric=50", "--set-hostname=always"},
		"eth2": {"--acd=off", "--start-delay=2s"},
	} {
		want, err := parse(append(flags, "lo"))
		if err != nil {
			t.Fatal(err)
		}
		want.links = nil
		got, err := c.planOf("", &netcfg.Candidate{Name: name}, noDriver)
		if err != nil || got == nil || !got.same(&linkPlan{options: want}) {
			t.Errorf("%s: %v\n%+v, not\n%+v", name, err, got, want)
		}
	}
}

func TestAgentConfig_WhatIsRefused(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"unknown", "[defaults]\nmetrik = 5", "2: metrik: is no key of [defaults]; did you mean metric?"},
		{"unknown in a section", "[[link]]\nmatch = '*'\nservre = true", "3: servre: is no key of [[link]]; did you mean serve?"},
		{"nothing of links", "[[link]]\nmatch = '*'\ntrace = true\n[defaults]\nwait-link = true\ninterface = 'eth0'\ntimeout = 5",
			"3: trace: is of the process, not of a link\nF:5: wait-link: the agent serves each link when it appears\n" +
				"F:6: interface: the key for that is match\nF:7: timeout: the agent asks for a lease for as long as there is a link"},
		{"unknown in agent", "[agent]\nmatsch = '*'", "2: matsch: is no key of [agent]; did you mean match?"},
		{"of the process", "[[link]]\nmatch = '*'\npid-file = '/x'", "3: pid-file: is of the process, not of a link"},
		{"of links", "[agent]\nmetric = 5", "2: metric: is of links: it stands under [defaults] or [[link]]"},
		{"of the command line", "[agent]\noneshot = true", "2: oneshot: is for the command line only"},
		{"background", "[defaults]\nbackground = true", "2: background: is for the command line: it says how the agent is started"},
		{"another name", "[defaults]\nno-routes = true", `2: no-routes: the key for that is routes = "none"`},
		{"a netns of all", "[defaults]\nnetns = 'a'", "2: netns: is of the process, not of a link"},
		{"type of a switch", "[defaults]\nno-dns = 'yes'", `2: no-dns: "yes" is neither true nor false`},
		{"type of a value", "[defaults]\nhostname = true", "2: hostname: is true, but needs a value: NAME"},
		{"type of a list", "[defaults]\nmetric = [1, 2]", "2: metric: takes one value, not a list"},
		{"list of a switch", "[agent]\nverbose = [true]", "2: verbose: takes one value, not a list"},
		{"a count", "[agent]\nverbose = 10", "2: verbose: 10 is not a number from 0 to 9"},
		{"a value", "[[link]]\nmatch = '*'\nrequest-option = [3,\n  'nonsense']", `4: request-option: "nonsense" is neither the number of an option, 1 to 254, nor a name like ntp-servers`},
		{"an optional value", "[defaults]\nset-hostname = 'forever'", `2: set-hostname: "forever" is no value: true is the flag without one`},
		{"a relative path", "[defaults]\nlease-dir = 'x'", `2: lease-dir: "x" is not an absolute path: nobody knows where the agent will be started`},
		{"an empty path", "[defaults]\nlease-dir = ''", "2: lease-dir: the path is empty"},
		{"a pattern", "[[link]]\nmatch = ['eth[']", `2: match: "eth[" is not a pattern like en*, eth[0-3] or driver:virtio*`},
		{"a name", "[[link]]\nmatch = ['a b']", `2: match: "a b" cannot be the name of an interface`},
		{"a namespace", "[[link]]\nnetns = ['a[']", `2: netns: "a[" is not a pattern like blue, cni-* or, for the namespace of the agent, the empty string`},
		{"a contradiction", "[defaults]\nno-dns = true\n[[link]]\nmatch = 'a'\nno-dns = false\nresolv-conf = '/x'\n[[link]]\nmatch = 'b'\nresolv-conf = '/x'",
			"9: resolv-conf: contradicts no-dns"},
		{"of the defaults alone", "[defaults]\nscript-env = 'json'", "1: script: is needed with script-env and script-timeout"},
		{"no program", "[defaults]\nscript = '/none'\n[[link]]\nmatch = 'a'", "2: script: stat /none: no such file or directory"},
		{"not executable", "[[link]]\nmatch = 'a'\nscript = ['" + script + "']", "3: script: " + script + " is not a file that can be executed"},
		{"a fallback of many", "[[link]]\nmatch = 'a'\nfallback = '192.0.2.7/24'\n[[link]]\nmatch = 'eth*'\nfallback = '192.0.2.7/24'\n[defaults]\nfallback = '192.0.2.9/24'\n" +
			"[[link]]\nmatch = ['b', 'c']",
			"6: fallback: is for one interface: it stands under a [[link]] whose match is its name\n" +
				"F:8: fallback: is for one interface: it stands under a [[link]] whose match is its name"},
		{"a fallback of all", "[defaults]\nfallback = '192.0.2.9/24'", "2: fallback: is for one interface: it stands under a [[link]] whose match is its name"},
		{"several", "[agent]\nx = 1\n[defaults]\nmetric = 0\n[[link]]\nmatch = 'a b'\nno-dns = 3",
			"2: x: is no key of [agent]\nF:4: metric: \"0\" is not a number from 1 to 2147483647\n" +
				"F:6: match: \"a b\" cannot be the name of an interface\nF:7: no-dns: \"3\" is neither true nor false"},
		{"no TOML", "[agent", "1: expected ']' to close table name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, path, err := agentConf(t, c.text)
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.ReplaceAll(err.Error(), path+":", "F:")
			if want := "F:" + c.want; got != want && !strings.HasPrefix(got, want+" (") {
				t.Errorf("%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAgentConfig_TheFirstSectionThatFits(t *testing.T) {
	c, _, err := agentConf(t, `
[[link]]
match = ["eth9", "mac:02:00:00:00:00:09"]
serve = false
[[link]]
netns = ["cni-*", ""]
match = "eth*"
metric = 1
[[link]]
match = "driver:virtio_*"
metric = 2
[[link]]
netns = "/proc/1/ns/*"
metric = 3
`)
	if err != nil {
		t.Fatal(err)
	}
	virtio := func(name string) (string, error) {
		if name == "eth4" {
			return "", errors.New("no such device")
		}
		return map[string]string{"eth5": "virtio_net"}[name], nil
	}
	for _, tc := range []struct {
		netns, name, port string
		mac               lease.HardwareAddr
		want              int // metric, 0 for not served
	}{
		{"", "eth9", "", lease.HardwareAddr{}, 0},
		{"", "eth1", "", lease.HardwareAddr{2, 0, 0, 0, 0, 9}, 0},
		{"", "eth1", "", lease.HardwareAddr{}, 1},
		{"", "eth1", "bridge", lease.HardwareAddr{}, 0},
		{"", "eth1", "vrf", lease.HardwareAddr{}, 1},
		{"cni-5", "eth1", "", lease.HardwareAddr{}, 1},
		{"blue", "eth1", "", lease.HardwareAddr{}, 0},
		{"blue", "eth5", "", lease.HardwareAddr{}, 2},
		{"/proc/1/ns/*", "x", "", lease.HardwareAddr{}, 3},
		{"/proc/1/ns/net", "x", "", lease.HardwareAddr{}, 3},
		{"/proc/1/ns/net", "x", "bond", lease.HardwareAddr{}, 0},
		{"", "wlan0", "", lease.HardwareAddr{}, 0},
	} {
		p, err := c.planOf(tc.netns, &netcfg.Candidate{Name: tc.name, Port: tc.port, HardwareAddr: tc.mac}, virtio)
		got := 0
		if p != nil {
			got = p.options.netcfg.Metric
		}
		if err != nil || got != tc.want {
			t.Errorf("%+v: %d, %v", tc, got, err)
		}
	}
	if _, err := c.planOf("blue", &netcfg.Candidate{Name: "eth4"}, virtio); err == nil || !strings.HasSuffix(err.Error(), ":9: no such device") {
		t.Error(err)
	}
}

func TestAgentConfig_WithoutSectionsDefaultsServeAll(t *testing.T) {
	for text, metric := range map[string]int{"": 0, "[agent]\nmatch = 'x'\n[defaults]\nmetric = 9": 9} {
		c, path, err := agentConf(t, text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.planOf("", &netcfg.Candidate{Name: "any"}, noDriver)
		if err != nil || p == nil || p.options.netcfg.Metric != metric || !strings.HasPrefix(p.source, path+":") {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}

func TestAgentConfig_AScriptThatConfiguresStaysHere(t *testing.T) {
	c, _, err := agentConf(t, "[[link]]\nmatch = '*'\nscript = '/bin/sh'\nscript-env = 'udhcpc'")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := c.planOf("", &netcfg.Candidate{Name: "eth0"}, noDriver); p == nil || err != nil {
		t.Errorf("here: %v, %v", p, err)
	}
	if p, err := c.planOf("blue", &netcfg.Candidate{Name: "eth0"}, noDriver); p != nil || err == nil {
		t.Errorf("elsewhere: %v, %v", p, err)
	}
}

func TestAgentConfig_SameIsWhatItMeans(t *testing.T) {
	planOf := func(text string) *linkPlan {
		c, _, err := agentConf(t, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		p, err := c.planOf("", &netcfg.Candidate{Name: "eth0"}, noDriver)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const script = "script = '/bin/sh'\n"
	for _, c := range [][2]string{
		{"takeover = true", ""}, {"on-exit = 'remove'", "on-exit = 'release'"}, {"start-delay = 1", "start-delay = '2s'"},
		{"hostname = 'a'", "hostname = 'b'"}, {"client-id = 'none'", "client-id = 'mac'"}, {"request-ip = '192.0.2.1'", "request-ip = '192.0.2.2'"},
		{"request-option = [42]", "request-option = [42, 4]"}, {"acd = 'off'", ""}, {"acd = '1s'", "acd = '2s'"}, {"metric = 5", "metric = 6"},
		{"routes = 'none'", ""}, {"no-dns = true", ""}, {"resolv-conf = '/a'", "resolv-conf = '/b'"}, {"set-hostname = true", "set-hostname = 'always'"},
		{"lease-dir = '/a'", ""}, {"script = ['/bin/sh']", "script = []"}, {script + "script-env = 'dhclient'", script}, {script + "script-timeout = 5", script},
	} {
		if !planOf("[defaults]\n" + c[0]).same(planOf("\n[[link]]\nmatch = 'eth9'\n[[link]]\nmatch = ['*']\n" + c[0])) {
			t.Errorf("%s: it is not the same in another place", c[0])
		}
		if planOf("[defaults]\n" + c[0]).same(planOf("[defaults]\n" + c[1])) {
			t.Errorf("%q are the same", c)
		}
	}
	if !planOf("[defaults]\nacd = '1s'\nno-dns = false").same(planOf("[defaults]\nacd = '1000ms'")) {
		t.Error("1s and 1000ms are not the same")
	}
	if p := planOf(""); p.same(nil) || (*linkPlan)(nil).same(p) || !(*linkPlan)(nil).same(nil) {
		t.Error("a plan and none")
	}
}

func TestAgentConfig_TheExample(t *testing.T) {
	text, err := os.ReadFile("../../packaging/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, path, _ := agentConf(t, string(text)) // a copy: all may be able to write to the file
	var out, errs bytes.Buffer
	if code := checkAgentConfig(path, fileFlags(), newAgentOptions, &out, &errs); code != exitDone || out.String() != path+" is fine: 4 sections\n" {
		t.Errorf("exit %d, %s%s", code, &out, &errs)
	}
	shown := regexp.MustCompile(`(?m)^#([a-z0-9-]+ = )`).ReplaceAllString(string(text), "$1")
	shown = regexp.MustCompile(`(?m)^match = \["(en|mac:).*\n`).ReplaceAllString(shown, "") // it is there twice
	for _, key := range linkFlags() {
		if !regexp.MustCompile(`(?m)^` + key.name + " = ").MatchString(shown) {
			t.Errorf("packaging/agent.toml does not show %s", key.name)
		}
	}
	shown = strings.ReplaceAll(shown, "/etc/dhclient-go/changed", "/bin/sh")
	shown = strings.ReplaceAll(shown, "no-dns = true\n", "")
	shown = strings.ReplaceAll(shown, "auth-key = \"/etc/dhclient-go/key\"\n", "")
	shown = strings.ReplaceAll(shown, "link-local = true\n", "")  // fallback takes its place
	shown = strings.ReplaceAll(shown, "hostname = \"web\"\n", "") // fqdn takes its place
	if c, _, err := agentConf(t, shown); err != nil || c.sections[1].plan.options.client.ACD != client.NoProbe {
		t.Errorf("with all that is commented out: %v", err)
	}
}

func TestAgentConfig_Check(t *testing.T) {
	_, path, _ := agentConf(t, "[agent]\nverbose = 1")
	var out, errs bytes.Buffer
	if code := checkAgentConfig(path, fileFlags(), newAgentOptions, &out, &errs); code != exitDone || out.String() != path+" is fine: [defaults] alone, for every link\n" || errs.Len() > 0 {
		t.Errorf("exit %d, %s%s", code, &out, &errs)
	}
	for text, want := range map[string]string{
		"[agent]\nmatch = \"en*\"": "[defaults] alone, for the links of match in [agent]",
		"[[link]]\nnetns = \"a\"":  "1 section",
	} {
		out.Reset()
		_, path, _ = agentConf(t, text)
		if code := checkAgentConfig(path, fileFlags(), newAgentOptions, &out, &errs); code != exitDone || out.String() != path+" is fine: "+want+"\n" {
			t.Errorf("exit %d, %s%s", code, &out, &errs)
		}
	}
	out.Reset()
	_, path, _ = agentConf(t, "[agent]\na = 1\nb = 1")
	if code := checkAgentConfig(path, fileFlags(), newAgentOptions, &out, &errs); code != 2 || out.Len() > 0 ||
		errs.String() != fmt.Sprintf("dhclient-go: %[1]s:2: a: is no key of [agent]\ndhclient-go: %[1]s:3: b: is no key of [agent]\n", path) {
		t.Errorf("exit %d, %s%s", code, &out, &errs)
	}
	errs.Reset()
	if code := checkAgentConfig("/none", fileFlags(), newAgentOptions, &out, &errs); code != 2 || errs.String() != "dhclient-go: /none: no such file or directory\n" {
		t.Errorf("exit %d, %s", code, &errs)
	}
	var bad *agentconf.Error
	if _, err := readAgentConfig(path, fileFlags(), newAgentOptions); !errors.As(err, &bad) || bad.Line != 2 {
		t.Errorf("%+v", bad)
	}
}
