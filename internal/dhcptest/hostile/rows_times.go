package hostile

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// unhurried bounds what a client may send while it gets nowhere: a DISCOVER, and the
// tries of a REQUEST, in each quarter of a minute.
var unhurried = noFaster(12, 30*time.Second)

var times = Group{"Lease times", []Row{
	{
		Name:  "0 in the OFFER",
		About: "Option 51 is 0 in all messages.",
		IDs:   []string{"VAL-13"},
		Cast:  []Lie{always(option(51, 0, 0, 0, 0))},
		Want:  []Check{unhurried, flaps(1)},
		Ours:  []Check{bare, refuses},
	},
	{
		Name:  "0 in the ACK",
		About: "The OFFER is good, option 51 of the ACK is 0.",
		IDs:   []string{"VAL-13"},
		Cast:  []Lie{says(ack, option(51, 0, 0, 0, 0))},
		Want:  []Check{unhurried, flaps(1)},
		Ours:  []Check{bare, noFaster(12, time.Minute)},
		Brief: 6 * time.Second,
	},
	{
		Name:  "1 s",
		About: "A lease of one second: no more than one message a second, and no address that outlives it.",
		IDs:   []string{"VAL-14", "REN-12"},
		Cast:  []Lie{grants(time.Second, 0, 0)},
		Want:  []Check{noFaster(15, 12*time.Second), covered(time.Second)},
		Brief: 5 * time.Second,
	},
	{
		Name:  "7 s",
		About: "A lease of seven seconds, renewed without a gap.",
		IDs:   []string{"VAL-14", "REN-11", "REN-22"},
		Cast:  []Lie{grants(7*time.Second, 0, 0)},
		Want:  []Check{keeps("10.99.0.50/24"), covered(7 * time.Second), noFaster(15, 12*time.Second), atMost(1, discover)},
		Brief: 9 * time.Second,
	},
	{
		Name:  "for ever",
		About: "Option 51 is 0xffffffff.",
		IDs:   []string{"REN-13"},
		Cast:  []Lie{grants(lease.Infinite, 0, 0)},
		Want:  []Check{keeps("10.99.0.50/24"), quiet, lasts(20*365*24*time.Hour, lease.Infinite)},
	},
	{
		Name:  "for ever, with T1 and T2",
		About: "The same with T1 of 1 s and T2 of 2 s.",
		IDs:   []string{"REN-13", "REN-04"},
		Cast:  []Lie{grants(lease.Infinite, time.Second, 2*time.Second)},
		Want:  []Check{keeps("10.99.0.50/24"), lasts(20*365*24*time.Hour, lease.Infinite)},
		Ours:  []Check{quiet},
	},
	{
		Name:  "0xfffffffe",
		About: "One second less than for ever.",
		IDs:   []string{"VAL-15"},
		Cast:  []Lie{grants(lease.Infinite-time.Second, 0, 0)},
		Want:  []Check{keeps("10.99.0.50/24"), quiet, lasts(20*365*24*time.Hour, lease.Infinite)},
	},
	{
		Name:  "0x80000000",
		About: "A time that is negative to who reads it so.",
		IDs:   []string{"VAL-15"},
		Cast:  []Lie{grants(1<<31*time.Second, 0, 0)},
		Want:  []Check{keeps("10.99.0.50/24"), quiet, lasts(20*365*24*time.Hour, lease.Infinite)},
	},
	{
		Name:  "none",
		About: "No message has option 51.",
		IDs:   []string{"VAL-12", "REQ-16"},
		Cast:  []Lie{always(drop(51))},
		Want:  []Check{unhurried, lasts(0, 366*24*time.Hour)},
		Ours:  []Check{bare},
		Brief: 6 * time.Second,
	},
	{
		Name:  "none in the ACK",
		About: "The OFFER has option 51, the ACK has not: the OFFER's counts, or none.",
		IDs:   []string{"REQ-16"},
		Cast:  []Lie{says(ack, drop(51))},
		Want:  []Check{unhurried, lasts(0, time.Hour)},
		Ours:  []Check{keeps("10.99.0.50/24"), quiet},
	},
	{
		Name:  "none, beside a whole offer",
		About: "The OFFER without option 51 comes first, a whole one comes before the next DISCOVER.",
		IDs:   []string{"VAL-12"},
		Cast:  []Lie{always(drop(51)), good},
		Want:  []Check{has("10.99.0.60/24"), refuses},
	},
	{
		Name:  "T1 > T2 > lease",
		About: "T1 is 9000 s, T2 8000 s, the lease 3600 s.",
		IDs:   []string{"REN-04"},
		Cast:  []Lie{grants(time.Hour, 9000*time.Second, 8000*time.Second)},
		Want:  []Check{keeps("10.99.0.50/24"), quiet},
	},
	{
		Name:  "T1 = T2 = lease",
		About: "All are 3600 s.",
		IDs:   []string{"REN-04"},
		Cast:  []Lie{grants(time.Hour, time.Hour, time.Hour)},
		Want:  []Check{keeps("10.99.0.50/24"), quiet},
	},
	{
		Name:  "T1 = T2 = 0",
		About: "Both are there, and 0.",
		IDs:   []string{"REN-04"},
		Cast:  []Lie{always(option(58, 0, 0, 0, 0), option(59, 0, 0, 0, 0))},
		Want:  []Check{keeps("10.99.0.50/24"), quiet},
	},
	{
		Name:  "T2 before T1",
		About: "T1 is 1800 s, T2 1 s.",
		IDs:   []string{"REN-04"},
		Cast:  []Lie{grants(time.Hour, 1800*time.Second, time.Second)},
		Want:  []Check{keeps("10.99.0.50/24"), quiet},
	},
	{
		Name:  "T2 after the end",
		About: "T2 is longer than the lease, and no renewal is answered: all servers are asked before the end.",
		IDs:   []string{"REN-04", "REN-07"},
		Cast: []Lie{all(
			// The kernel counts whole seconds: T2 must not be in the last one.
			briefly(grants(10*time.Second, 2*time.Second, 11*time.Second), grants(45*time.Second, 15*time.Second, 46*time.Second)),
			dies(ack))},
		Want:  []Check{ends(10*time.Second, 45*time.Second), broadcasts},
		Brief: 12 * time.Second,
	},
}}
