/*
Package agent serves many links in one process: it finds them, in one or several
network namespaces, runs a client.Client for each, and follows them as they come,
go, are renamed and move. It decides nothing of its own: a function of the caller
says how each link is to be served.

	a, err := agent.New(agent.Config{
		Plan: func(l agent.Link) agent.Plan {
			if !strings.HasPrefix(l.Name, "veth") {
				return nil // it is left alone
			}
			return plan{metric: 50}
		},
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)

A Plan puts together what serves a link: the client, and what Package netcfg and
arpcheck have for it. examples/agent is the shortest program that does.

	func (p plan) Open(o *agent.Opening) (*agent.Served, error) {
		cfg := o.Config
		cfg.Metric = p.metric
		link, err := o.Namespace.Link(o.Link.Name, cfg)
		...
		c, err := client.New(client.Config{Interface: o.Link.Name,
			Configurator: link, LinkWatcher: o.Paced(link), OnEvent: o.OnEvent})
		return &agent.Served{Client: c}, err
	}

	func (p plan) Same(other agent.Plan) bool { return p == other }

# What becomes of a link

	the link appears,                      its plan is nil, or it is gone
	and has a plan
	      |                                              ^
	      v         room                                 |
	   QUEUED ------------> PREPARING ------> RUNNING -> ENDING
	      ^                     | Open fails     | the client fails
	      | 1, 2, 4 ... 60 s    v                |
	      +------------------ RESTING <----------+

It is the link, not its name, that is followed: a link that is renamed keeps its
client if the plan for the new name is the Same, and a link of an old name, or of
an old index, is another. A link that moves to another namespace ends in the one
and begins in the other. Reload decides anew for all, and touches none whose plan
is the Same.

A link that fails is its own affair. A client that ends with an error, a panic in
it (*client.PanicError) or in a Plan is counted, logged once, and tried again after
1 s, then 2, 4 ... 60 s, each spread by a quarter; its lease is where the Plan has
its LeaseStore. A link whose client was handed over to another process (client.Config.OnHandover)
is left to that.

# Many at once

When a thousand links appear together, their clients are started in turn: at most
Config.Starting of them are between their first message and their lease, fewer when
that begins to take longer (pace.go), and one that gets none has its place for
Config.Turn. So a server hears no more at once than it can answer before all ask
again, the first lease is there as soon as that of one link alone, and links behind
which nobody answers do not keep the others waiting for long.

So it is when carrier returns to a thousand links, as when a switch is started
again: Opening.Paced has each client hear of it in its turn, and of a loss at once.

There is one netlink subscription for a namespace (netcfg.Namespace.FollowLinks),
whose news are enough: nothing looks at all links because one has changed. What the
kernel has lost (ENOBUFS) is made up for by a list of all.
*/
package agent
