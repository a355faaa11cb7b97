package main

import (
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

// The program begins behind "--" or with the first argument that has a slash and
// is no flag's value; its own flags are its own.
func TestInit_WhereTheProgramBegins(t *testing.T) {
	for _, tt := range []struct{ args, links, program string }{
		{"eth0 -- app", "eth0", "app"},
		{"eth0 -- /bin/app -v --timeout 5", "eth0", "/bin/app -v --timeout 5"},
		{"eth0 /bin/app -v --timeout 5", "eth0", "/bin/app -v --timeout 5"},
		{"eth0 --timeout 5 eth1 -- app -- x", "eth0 eth1", "app -- x"},
		{"--lease-dir /run/x eth0 ./app", "eth0", "./app"},
		{"--lease-dir=/run/x -i eth0 -- app", "eth0", "app"},
		{"-vieth0 /app", "eth0", "/app"},
		{"-i init -- app", "init", "app"},
		{"--acd off eth0 -- app", "eth0", "app"},
	} {
		o, err := parseInit(strings.Fields(tt.args))
		if err != nil {
			t.Errorf("init %s: %v", tt.args, err)
			continue
		}
		if got := strings.Join(o.links, " "); got != tt.links {
			t.Errorf("init %s: links %s", tt.args, got)
		}
		if got := strings.Join(o.charge.argv, " "); got != tt.program {
			t.Errorf("init %s: program %s", tt.args, got)
		}
	}
}

func TestInit_Refuses(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", "no program named: init IF -- PROGRAM"},
		{"eth0", "no program named: init eth0 -- PROGRAM"},
		{"eth0 --", "no program named: init eth0 -- PROGRAM"},
		{"-- app", "no interface named (--help lists the flags)"},
		{"eth0 --oneshot -- app", "--oneshot is not a flag of init, but of the client"},
		{"eth0 -1 -- app", "-1 is not a flag of init, but of the client"},
		{"eth0 -b -- app", "-b is not a flag of init, but of the client"},
		{"eth0 -netns=x -- app", "--netns is not a flag of init, but of the client"},
		{"eth0 --dry-run -- app", "--dry-run is not a flag of init, but of the client"},
		{"eth0 --bogus -- app", "unknown flag --bogus (--help lists them)"},
		{"eth0 -% -- app", "unknown flag -% (--help lists them)"},
		{"eth0 --on-failure maybe -- app", `--on-failure: "maybe" is not exit, run or fallback=CIDR[,GATEWAY]`},
		{"eth0 --on-failure fallback=CIDR[,GATEWAY] -- app", `--on-failure: "CIDR[" is not a host's address as 192.0.2.7/24`},
		{"eth0 --on-failure fallback=192.0.2.7 -- app", `--on-failure: "192.0.2.7" is not a host's address as 192.0.2.7/24`},
		{"eth0 --on-failure fallback=192.0.2.0/24 -- app", "--on-failure: 192.0.2.0 is not a host of 192.0.2.0/24"},
		{"eth0 --on-failure fallback=192.0.2.127/25 -- app", "--on-failure: 192.0.2.127 is not a host of 192.0.2.0/25"},
		{"eth0 --on-failure fallback=127.0.0.1/8 -- app", `--on-failure: "127.0.0.1/8" is not a host's address as 192.0.2.7/24`},
		{"eth0 --on-failure fallback=192.0.2.7/24,gw -- app", `--on-failure: "gw" is not the address of a gateway`},
		{"eth0 --on-failure fallback=192.0.2.7/24,192.0.2.7 -- app", `--on-failure: "192.0.2.7" is not the address of a gateway`},
		{"eth0 --on-failure fallback=192.0.2.7/24,192.0.3.1 -- app", "--on-failure: the gateway 192.0.3.1 is not a host of 192.0.2.0/24"},
		{"eth0 --on-failure fallback=192.0.2.7/24,192.0.2.255 -- app", "--on-failure: the gateway 192.0.2.255 is not a host of 192.0.2.0/24"},
		{"eth0 eth1 --on-failure fallback=192.0.2.7/24 -- app", "--on-failure: a fallback is for one interface"},
	} {
		_, err := parseInit(strings.Fields(tt.args))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("init %s: %q, want %q", tt.args, got, tt.want)
		}
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("init %s: exit code %d", tt.args, exitCode(err))
		}
	}
}

// What init is without a flag, and with a fallback.
func TestInit_Defaults(t *testing.T) {
	o, err := parseInit([]string{"eth0", "--", "app"})
	if err != nil {
		t.Fatal(err)
	}
	if o.waitLink != forever || o.timeout != onceTimeout || o.client.OnExit != client.Release || o.client.Fallback != nil || o.charge.runAnyway {
		t.Errorf("%+v", o)
	}
	o, err = parseInit(strings.Fields("eth0 --timeout 5s --on-exit keep --on-failure fallback=192.0.2.7/24,192.0.2.1 -- app"))
	if err != nil {
		t.Fatal(err)
	}
	l := o.client.Fallback
	if o.client.OnExit != client.Keep || o.client.Schedule.Timeout != 5*time.Second || o.timeout != 5*time.Second || o.grace < 5*time.Second || !o.serverOrFail {
		t.Errorf("%+v", o)
	}
	if l, err := staticLease("192.0.2.7/32,10.0.0.1"); err != nil || l.Router().String() != "10.0.0.1" {
		t.Errorf("an address without a subnet: %v, %v", l, err)
	}
	if l == nil || l.Prefix().String() != "192.0.2.7/24" || l.Router().String() != "192.0.2.1" || !l.IsInfinite() {
		t.Errorf("%+v", l)
	}
}
