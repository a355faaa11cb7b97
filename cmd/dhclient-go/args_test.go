package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestArrange_FlagsStandAnywhere(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"eth0 --oneshot", "--oneshot -- eth0"},
		{"--oneshot eth0", "--oneshot -- eth0"},
		{"eth0 --timeout 5 eth1", "--timeout=5 -- eth0 eth1"},
		{"eth0 --timeout=5 eth1", "--timeout=5 -- eth0 eth1"},
		{"eth0 -timeout 5", "--timeout=5 -- eth0"},
		{"-1v eth0", "--oneshot --verbose -- eth0"},
		{"eth0 -vv", "--verbose --verbose -- eth0"},
		{"-ieth0 -i eth1 -i=eth2", "--interface=eth0 --interface=eth1 --interface=eth2 --"},
		{"-1Ontp-servers eth0", "--oneshot --request-option=ntp-servers -- eth0"},
		{"-1O 42 eth0", "--oneshot --request-option=42 -- eth0"},
		// The value of an optional value is never the next argument.
		{"--wait-link eth0", "--wait-link=forever -- eth0"},
		{"--wait-link=5s eth0", "--wait-link=5s -- eth0"},
		// What is behind a flag is its value, whatever it looks like.
		{"--hostname --oneshot eth0", "--hostname=--oneshot -- eth0"},
		{"--vendor-class=a=b eth0", "--vendor-class=a=b -- eth0"},
		{"--vendor-class= eth0", "--vendor-class= -- eth0"},
		// "--" ends the flags, "-" is none.
		{"-v -- eth0 --oneshot", "--verbose -- eth0 --oneshot"},
		{"- eth0", "-- - eth0"},
		{"", "--"},
	} {
		got, err := arrange(strings.Fields(tt.args), allFlags())
		if err != nil {
			t.Errorf("arrange(%q): %v", tt.args, err)
			continue
		}
		if !reflect.DeepEqual(got, strings.Fields(tt.want)) {
			t.Errorf("arrange(%q) = %q, want %q", tt.args, strings.Join(got, " "), tt.want)
		}
	}
}

func TestArrange_Errors(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--bogus eth0", "unknown flag --bogus (--help lists them)"},
		{"--bogus=3 eth0", "unknown flag --bogus (--help lists them)"},
		{"---oneshot eth0", "unknown flag ---oneshot (--help lists them)"},
		{"-x eth0", "unknown flag -x (--help lists them)"},
		{"-1x eth0", "unknown flag -x (--help lists them)"},
		{"-é eth0", "unknown flag -é (--help lists them)"},
		{"--\x1b[2J eth0", `unknown flag --\x1b[2J (--help lists them)`},
		{"--oneshot=yes eth0", `--oneshot: takes no value, but has "yes"`},
		{"eth0 --timeout", "--timeout: needs a value: DUR"},
		{"eth0 -1O", "--request-option: needs a value: OPT"},
	} {
		_, err := arrange(strings.Fields(tt.args), allFlags())
		if err == nil || err.Error() != tt.want {
			t.Errorf("arrange(%q): %v, want %s", tt.args, err, tt.want)
		}
	}
}

// Whatever stands on the command line, nothing is lost and nothing panics.
func FuzzArrange(f *testing.F) {
	f.Add("eth0\x00--oneshot")
	f.Add("-1v\x00-O\x00-\x00--\x00--")
	f.Add("--wait-link=\x00--timeout")
	flags := allFlags()
	f.Fuzz(func(t *testing.T, args string) {
		got, err := arrange(strings.Split(args, "\x00"), flags)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q: an error that is more than a line: %q", args, err)
			}
			return
		}
		for i, arg := range got {
			if arg == "--" {
				return
			}
			name, _, _ := strings.Cut(arg, "=")
			if (&arranger{flags: flags}).long(strings.TrimPrefix(name, "--")) == nil {
				t.Errorf("%q: argument %d of %q is no flag", args, i, got)
			}
		}
		t.Errorf("%q: no -- in %q", args, got)
	})
}
