package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dhclient-go/dhclient-go/internal/control"
	"github.com/dhclient-go/dhclient-go/internal/metrics"
)

// showMetrics is the command metrics.
func showMetrics(o *options, stdout, _ io.Writer) (int, error) {
	if len(o.links) > 0 {
		return 0, badUsage("metrics are of all links: it takes no argument")
	}
	reports, err := reportsOf(o)
	if len(reports) == 0 {
		return 0, cmp.Or(err, o.noClient(""))
	}
	if _, failed := stdout.Write(metrics.Text(reports)); failed != nil {
		err = errors.Join(err, fmt.Errorf("standard output: %w", failed))
	}
	return exitDone, err
}

// reportsOf asks all processes for their metrics. None is no error; an error does
// not mean that there is none.
func reportsOf(o *options) (reports []*metrics.Report, err error) {
	asking := control.Asking{Dir: o.controlDir, Patience: processPatience}
	if asking.Request, err = o.request("metrics", "", true); err != nil {
		return nil, err
	}
	var bad error
	of := map[int]*metrics.Report{}
	asking.Each = func(from int, a *control.Answer) {
		var part metrics.Part
		err := json.Unmarshal(a.Link, &part)
		switch {
		case err != nil, part.Report == nil && (part.Link == nil || of[from] == nil):
			bad = cmp.Or(bad, errors.New("a process gives metrics that make no sense"))
		case part.Report != nil:
			of[from] = part.Report
			reports = append(reports, part.Report)
		default:
			of[from].Links = append(of[from].Links, *part.Link)
		}
	}
	err = errors.Join(asking.Do(context.Background()), bad)
	return reports, unasked(err)
}
