package hostile

import (
	"net/netip"
	"time"
)

var renewals = Group{"What a renewal says", []Row{
	{
		Name:  "another address",
		About: "The ACK to a renewal is for 10.99.0.58.",
		IDs:   []string{"REN-17"},
		Cast:  []Lie{all(aging, renewing(yiaddr(10, 99, 0, 58)))},
		Want:  []Check{renews, has("10.99.0.58/24")},
		Brief: 5 * time.Second, Full: 50 * time.Second,
	},
	{
		Name:  "another router",
		About: "The ACK to a renewal has another router.",
		IDs:   []string{"REN-18"},
		Cast:  []Lie{all(aging, renewing(option(3, 10, 99, 0, 4)))},
		Want:  []Check{renews, keeps("10.99.0.50/24"), via(host(4))},
		Brief: 4 * time.Second,
	},
	{
		Name:  "other routes",
		About: "First option 121 has 10.7.0.0/16; the ACK to a renewal has 10.8.0.0/16 instead.",
		IDs:   []string{"REN-18"},
		Cast:  []Lie{all(aging, always(option(121, 16, 10, 7, 10, 99, 0, 4, 0, 10, 99, 0, 1)), renewing(option(121, 16, 10, 8, 10, 99, 0, 4, 0, 10, 99, 0, 1)))},
		Want:  []Check{renews, keeps("10.99.0.50/24"), routes("10.8.0.0/16 via 10.99.0.4"), via(host(1))},
		Brief: 4 * time.Second,
	},
	{
		Name:  "another mask",
		About: "The ACK to a renewal has a mask of 25 bits.",
		IDs:   []string{"REN-18"},
		Cast:  []Lie{all(aging, renewing(option(1, 255, 255, 255, 128)))},
		Want:  []Check{renews, has("10.99.0.50/25"), via(host(1))},
		Brief: 4 * time.Second,
	},
	{
		Name:  "another MTU",
		About: "The ACK to a renewal has option 26 with 1400.",
		IDs:   []string{"REN-18"},
		Cast:  []Lie{all(aging, renewing(option(26, 5, 120)))},
		Want:  []Check{renews, keeps("10.99.0.50/24"), mtu(1400, 1400)},
		Brief: 4 * time.Second,
	},
	{
		Name:  "another name server",
		About: "The ACK to a renewal has another name server.",
		IDs:   []string{"REN-18"},
		Cast:  []Lie{all(aging, renewing(option(6, 10, 99, 0, 5)))},
		Want:  []Check{renews, keeps("10.99.0.50/24"), dns(host(5))},
		Brief: 4 * time.Second,
	},
	{
		Name:  "no mask, router, DNS",
		About: "The ACK to a renewal has no more than the times.",
		IDs:   []string{"REN-19"},
		Cast:  []Lie{all(aging, renewing(drop(1, 3, 6)))},
		Want:  []Check{renews, keeps("10.99.0.50/24"), via(host(1)), dns(host(3))},
		Brief: 5 * time.Second,
	},
	{
		Name:  "no lease time",
		About: "The ACK to a renewal has no options 51, 58 and 59.",
		IDs:   []string{"REQ-16", "REN-21"},
		Cast:  []Lie{all(aging, renewing(drop(51, 58, 59)))},
		Want:  []Check{renews, lasts(0, time.Hour), noFaster(12, 30*time.Second)},
		Ours:  []Check{keeps("10.99.0.50/24")},
		Brief: 7 * time.Second,
	},
	{
		Name:  "another xid",
		About: "The ACK to a renewal has another xid: the lease is not extended.",
		IDs:   []string{"REN-16"},
		Cast:  []Lie{all(aging, renewing(xid))},
		Want:  []Check{renews, ends(6*time.Second, 45*time.Second)},
		Brief: 8 * time.Second, Full: 55 * time.Second,
	},
	{
		Name:  "a shorter lease",
		About: "The lease is 1 h with T1 of 2 s (15 s); the renewal grants 5 s (40 s), and then nobody answers.",
		IDs:   []string{"REN-28", "REN-21"},
		Cast: []Lie{all(
			briefly(grants(time.Hour, 2*time.Second, 0), grants(time.Hour, 15*time.Second, 0)),
			shrinks)},
		Want:  []Check{renews, ends(7500*time.Millisecond, 57*time.Second)},
		Brief: 10 * time.Second, Full: 75 * time.Second,
	},
	{
		Name:  "a longer lease",
		About: "The renewal grants an hour, without T1 and T2: no more is asked for.",
		IDs:   []string{"REN-21", "REN-28"},
		Cast:  []Lie{all(aging, renewing(option(51, 0, 0, 14, 16), drop(58, 59)))},
		Want:  []Check{renews, keeps("10.99.0.50/24"), atMost(2, request)},
		Brief: 7 * time.Second,
	},
	{
		Name:  "address 0.0.0.0",
		About: "The ACK to a renewal has yiaddr 0: the lease is not extended.",
		IDs:   []string{"VAL-09"},
		Cast:  []Lie{all(aging, renewing(yiaddr(0, 0, 0, 0)))},
		Want:  []Check{renews, without(netip.IPv4Unspecified()), noFaster(12, 30*time.Second)},
		Ours:  []Check{ends(6*time.Second, 45*time.Second)},
		Brief: 8 * time.Second, Full: 55 * time.Second,
	},
}}
