// Package metrics writes what processes of dhclient-go count in the text format of
// Prometheus (exposition format 0.0.4,
// https://prometheus.io/docs/instrumenting/exposition_formats/), without its
// client library, which brings net/http and is larger than the rest of the
// program.
//
// A process makes a Report, and Write an exposition of one or several. File keeps
// one in a file for the textfile collector of node_exporter.
//
// What there is one of for each link is kept small, since there may be thousands:
// whether it has a lease, and when that is renewed and over. All else is summed
// over the links of a process, which labels tell apart. Times are given as points
// of time and not as seconds from now: what does not change is the same text.
package metrics
