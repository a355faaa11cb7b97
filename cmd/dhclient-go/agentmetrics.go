package main

import (
	"strings"

	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/metrics"
)

// agentName is what an agent is called among processes.
const agentName = "agent"

// reportOf is what the agent says of some links, and of all that it ever did.
func (a *agency) reportOf(links []agent.Status) *metrics.Report {
	r := a.report(agentName, nil)
	r.Restarts, r.Panics = a.lib.Faults()
	for i := range links {
		st := &links[i]
		m := metrics.Link{Netns: st.Link.Netns, State: strings.ToUpper(st.Phase.String())}
		if b := berthOf(st); b != nil {
			m = b.measures()
		}
		m.Interface = st.Link.Name // it may have another by now
		r.Links = append(r.Links, m)
	}
	return r
}
