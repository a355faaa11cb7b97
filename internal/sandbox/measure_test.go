//go:build amd64 || arm64

package sandbox

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// now is CLOCK_MONOTONIC.
func now() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// measureChild has how long each part of Enter takes, and how long a system call.
func measureChild(o *order, out *outcome) {
	lap := func(name string, do func()) {
		start := now()
		do()
		out.Laps[name] = now() - start
	}
	perCall := func(name string) {
		const n = 20000
		lap(name, func() {
			for range n {
				_ = unix.Getppid()
			}
		})
		out.Laps[name] /= n
	}
	if err := startThreads(1); err != nil { // the runtime has one more for these
		panic(err)
	}
	perCall("getppid-before-ns")
	if o.Enter {
		lap("whole", func() { o.enter(out) })
		perCall("getppid-after-ns")
		return
	}
	var r Report
	var rules *ruleset
	var raw program
	lap("1-zone", readLate)
	lap("2-ruleset", func() { rules, _ = newRuleset(o.Config, &r) })
	lap("3-capset", func() { keepCapabilities(o.Config.Keep) })
	lap("4-no_new_privs", func() { _ = setNoNewPrivs() })
	lap("5-program", func() {
		var t table
		allowCalls(&t, o.Config)
		raw = newProgram(&t)
	})
	lap("6-seccomp", func() { _ = install(raw) })
	lap("7-landlock", func() { rules.enforce() })
	lap("8-stop-again", func() { _ = setNoNewPrivsOnAll() })
	out.Laps["instructions"] = int64(len(raw))
}

// BenchmarkEnter says how many microseconds each part takes: the median of
// children.
func BenchmarkEnter(b *testing.B) {
	laps := map[string][]int64{}
	for range max(b.N, 20) {
		for _, enter := range []bool{true, false} {
			o := newOrder(b)
			o.Enter = enter
			for name, ns := range run(b, "measure", o).Laps {
				laps[name] = append(laps[name], ns)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, all := range laps {
		slices.Sort(all)
		median := float64(all[len(all)/2])
		if name == "instructions" || strings.HasSuffix(name, "-ns") {
			b.ReportMetric(median, name)
			continue
		}
		b.ReportMetric(median/1000, name+"-µs")
	}
}
