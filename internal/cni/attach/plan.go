package attach

import (
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// Same says that the other plan is of the same attachment.
func (a *attachment) Same(other agent.Plan) bool {
	b, ok := other.(*attachment)
	return ok && a == b
}

// Open puts the client of the attachment together, with its OS thread in the
// container's namespace.
func (a *attachment) Open(o *agent.Opening) (*agent.Served, error) {
	served, err := a.open(o)
	if err != nil {
		a.mu.Lock()
		a.failure = err
		if a.failed != nil {
			a.failed(err)
		}
		a.mu.Unlock()
	}
	return served, err
}

func (a *attachment) open(o *agent.Opening) (*agent.Served, error) {
	p := &place{a: a, log: a.keeper.log.With("attachment", a.key), lease: a.lease}
	store, err := a.file.lease()
	if err != nil {
		return nil, err
	}
	r := a.now()
	served, c, err := a.keeper.cfg.Open(o, Fitting{
		Attachment: a.key,
		ACD:        r.Request.Options.ACD,
		Metric:     r.Request.Options.Metric,
		Fit: func(cfg *client.Config, link *netcfg.Link) error {
			a.configure(cfg, o)
			cfg.LeaseStore = store
			return p.fit(cfg, link)
		},
	})
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.client, a.place, a.failure = c, p, nil
	a.mu.Unlock()
	done, renamed := served.Close, served.Renamed
	served.Close = func() {
		p.close()
		if done != nil {
			done()
		}
		a.left(p)
	}
	served.Renamed = func(l agent.Link) {
		a.renamed(l)
		if renamed != nil {
			renamed(l)
		}
	}
	return served, nil
}

// configure has the client do what the network's configuration wants.
func (a *attachment) configure(cfg *client.Config, o *agent.Opening) {
	r := a.now()
	want := &r.Request.Options
	cfg.OnExit, cfg.OnHandover, cfg.Takeover = client.Keep, nil, false
	cfg.ClientID = clientID(a.key, want)
	cfg.Hostname, cfg.VendorClass, cfg.SendOptions = want.Hostname, want.VendorClass, want.Send
	cfg.RequestOptions, cfg.RequestOnly = nil, want.RequestOnly
	for _, code := range want.Request {
		cfg.RequestOptions = append(cfg.RequestOptions, uint8(code))
	}
	// Links of kind ipvlan share a hardware address: what is not broadcast comes
	// to another.
	cfg.Broadcast = cfg.Broadcast || want.Broadcast || o.Link.Kind == "ipvlan"
	heard := cfg.OnEvent
	cfg.OnEvent = func(ev client.Event) {
		a.event(ev)
		if heard != nil {
			heard(ev)
		}
	}
}

// maxTextID is how much of a text fits into option 61 behind its type.
const maxTextID = 254

// clientID is option 61: what the network's configuration says, or else type 0
// (RFC 2132 9.14) and container, network and link, as the plugin dhcp of the CNI
// project has it. A hardware address would not do: links of kind ipvlan share one.
func clientID(key cni.Attachment, want *cni.Options) []byte {
	switch {
	case want.ClientID != nil:
		return want.ClientID
	case want.NoClientID:
		return []byte{}
	case want.HardwareClientID || want.Send[61] != nil:
		return nil
	}
	text := key.Container + "/" + key.Network + "/" + key.Interface
	if len(text) > maxTextID {
		// What is cut off may be all that tells two apart.
		sum := hashOf(key)
		text = text[:maxTextID-len(sum)] + sum
	}
	return append([]byte{0}, text...)
}

// left is called when the client has ended: for good, if the link is gone.
func (a *attachment) left(p *place) {
	a.mu.Lock()
	if a.place == p {
		a.client, a.place = nil, nil
	}
	ending := a.ending
	a.mu.Unlock()
	if s, err := p.link.State(); err == nil && s.Index == 0 && !ending {
		a.keeper.abandon(a, "its link was deleted")
	}
}
