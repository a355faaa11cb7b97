package wire

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// BenchmarkParse times Parse of a typical ACK, and says how many times the bare
// codec's time that is: x/codec, measured in turns in the same run.
func BenchmarkParse(b *testing.B) {
	msg := ack(opt32(58, 1800), opt32(59, 3150), optAddrs(28, "10.99.0.255"), optAddrs(3, "10.99.0.1"),
		optAddrs(6, "10.99.0.4", "10.99.0.5"), opts(15, "example.org"), opts(12, "h1"), opt(26, 5, 0xdc),
		opt(121, 24, 192, 168, 5, 10, 99, 0, 9, 0, 10, 99, 0, 1), opt(119, 3, 'e', 'n', 'g', 0))
	id := testIdentity()
	var ours, codec time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := Parse(msg, id); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := dhcpv4.FromBytes(msg); err != nil {
			b.Fatal(err)
		}
		ours += middle.Sub(start)
		codec += time.Since(middle)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "parse-ns/op")
	b.ReportMetric(float64(codec.Nanoseconds())/float64(b.N), "codec-ns/op")
	b.ReportMetric(float64(ours)/float64(codec), "x/codec")
}

// BenchmarkReject is a message for another client, of which there may be a flood.
func BenchmarkReject(b *testing.B) {
	msg := at(ack(), 33, 9)
	id := testIdentity()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(msg, id); err == nil {
			b.Fatal("accepted")
		}
	}
}
