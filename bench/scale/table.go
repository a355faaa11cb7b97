package scale

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Print writes the tables, 80 columns wide.
func (r *Result) Print(w io.Writer) {
	for _, n := range r.sizes() {
		r.table(w, n)
	}
	for _, s := range r.Storms {
		s.print(w)
	}
	fmt.Fprintf(w, "%d x %s, Linux %s;", r.Machine.Processors, r.Machine.CPU, r.Machine.Kernel)
	for _, name := range slices.Sorted(maps.Keys(r.Programs)) {
		fmt.Fprintf(w, "\n%s %s", name, r.Programs[name])
	}
	fmt.Fprintln(w)
}

func (r *Result) sizes() (all []int) {
	for _, row := range r.Rows {
		all = append(all, row.Links)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *Result) table(w io.Writer, n int) {
	fmt.Fprintf(w, "%-25s%5s %8s %7s %6s %6s %7s %8s\n", fmt.Sprintf("%d links", n), "time", "times", "CPU ms", "memory", "KiB a", "idle ms", "messages")
	fmt.Fprintf(w, "%-25s%5s %8s %7s %6s %6s %7s %8s\n", "", "s", "replay", "a lease", "MiB", "link", "in 10 s", "(a link)")
	base := 0.0
	for _, row := range r.Rows {
		if row.Links != n {
			continue
		}
		if base == 0 {
			base = row.Seconds
		}
		fmt.Fprintln(w, strings.TrimRight(r.line(row, base), " "))
	}
	fmt.Fprintln(w)
}

// line is one row. What was not measured is a dash.
func (r *Result) line(row Row, base float64) string {
	known := func(ok bool, format string, args ...any) string {
		if !ok {
			return "-"
		}
		return fmt.Sprintf(format, args...)
	}
	all := row.Bound == row.Links
	took, times := fmt.Sprintf("%.2f", row.Seconds), fmt.Sprintf("%.2f", row.Seconds/base)
	if !all {
		took, times = fmt.Sprintf("%d %%", 100*row.Bound/row.Links), "-"
	}
	perLink, ok := r.perLink(row)
	return fmt.Sprintf("%-25s%5s %8s %7s %6s %6s %7s %8s", row.Client, took, times, known(row.CPU >= 0 && all, "%.2f", row.CPU),
		known(row.Anon > 0, "%.1f", float64(row.Anon)/1024), known(ok, "%.1f", perLink),
		known(row.IdleCPU >= 0, "%.1f", row.IdleCPU), known(all, "%.1f", float64(row.Messages)/float64(row.Links)))
}

// perLink is what each link more than on the size before has added, in KiB.
func (r *Result) perLink(row Row) (kib float64, ok bool) {
	for _, before := range slices.Backward(r.Rows) {
		if before.Client == row.Client && before.Links < row.Links && before.Anon > 0 && row.Anon > 0 {
			return float64(row.Anon-before.Anon) / float64(row.Links-before.Links), true
		}
	}
	return 0, false
}

func (s *Storm) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %d links\n", s.Client, s.Links)
	if s.Failed != "" {
		fmt.Fprintf(w, "  failed: %s\n", s.Failed)
	}
	fmt.Fprintf(w, "  all renew (T1 %.0f s): %d messages in %.1f s, at most %d in a second\n",
		s.T1, s.Renewals.Messages, s.Renewals.Seconds, s.Renewals.Burst)
	histogram(w, s.Renewals.BySecond)
	fmt.Fprintf(w, "  all lose carrier for 2 s: verified %.1f s later, %d messages,\n  at most %d in a second; %d kept their address\n",
		s.Flap.Seconds, s.Flap.Messages, s.Flap.Burst, s.Kept)
	histogram(w, s.Flap.BySecond)
	fmt.Fprintln(w)
}

// histogram draws messages by the second; the widest bar is 50 columns.
func histogram(w io.Writer, bySecond []int) {
	most := slices.Max(append([]int{1}, bySecond...))
	for i, n := range bySecond {
		fmt.Fprintf(w, "%s\n", strings.TrimRight(fmt.Sprintf("  %4d s %5d  %s", i, n, strings.Repeat("#", (50*n+most-1)/most)), " "))
	}
}
