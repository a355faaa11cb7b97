package attach

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/arpcheck"
	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/internal/cni"
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
	log := a.keeper.log.With("attachment", a.key)
	r := a.now()
	var usual Defaults
	if a.keeper.cfg.Defaults != nil {
		usual = a.keeper.cfg.Defaults(o.Link)
	}
	conf := o.Config
	conf.Metric = cmp.Or(r.Request.Options.Metric, usual.Netcfg.Metric)
	conf.Routes, conf.NoMTU = usual.Netcfg.Routes, usual.Netcfg.NoMTU
	link, err := o.Namespace.Link(o.Link.Name, conf)
	if err != nil {
		return nil, err
	}
	// The plugin that has made it may do that after us, or not at all.
	if err := link.Up(); err != nil {
		return nil, err
	}
	now, err := link.State()
	if err != nil {
		return nil, err
	}
	p := &place{link: link, a: a, log: log, lease: a.lease}
	p.resume(now)
	cfg, probe, err := a.config(o, usual)
	if err != nil {
		return nil, err
	}
	detector, err := arpcheck.Open(now.Index, now.HardwareAddr[:], arpcheck.Config{Duration: probe, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open the ARP socket: %w", err)
	}
	cfg.Configurator, cfg.LinkWatcher, cfg.Logger = p, p.watcher(), log
	cfg.ConflictDetector, cfg.RouterChecker = detector, detector
	if cfg.ACD == client.NoProbe {
		cfg.ConflictDetector = indulgent{detector, log}
	}
	c, err := client.New(cfg)
	if err != nil {
		_ = detector.Close()
		return nil, err
	}
	a.mu.Lock()
	a.client, a.place, a.failure = c, p, nil
	a.mu.Unlock()
	return &agent.Served{Client: c, Info: a.key, Renamed: a.renamed, Close: func() {
		p.close()
		_ = detector.Close()
		a.left(p)
	}}, nil
}

// config is what the client is to do, and how long a probe may take.
func (a *attachment) config(o *agent.Opening, usual Defaults) (client.Config, time.Duration, error) {
	r := a.now()
	want := &r.Request.Options
	store, err := a.file.lease()
	if err != nil {
		return client.Config{}, 0, err
	}
	cfg := client.Config{
		Interface: o.Link.Name, LeaseStore: store, OnExit: client.Keep,
		Hostname: want.Hostname, VendorClass: want.VendorClass,
		RequestOnly: want.RequestOnly, SendOptions: want.Send,
		// Links of kind ipvlan share a hardware address: what is not broadcast
		// comes to another.
		Broadcast:  want.Broadcast || o.Link.Kind == "ipvlan",
		Retransmit: usual.Retransmit,
	}
	cfg.OnEvent = func(ev client.Event) {
		a.event(ev)
		o.OnEvent(ev)
	}
	for _, code := range want.Request {
		cfg.RequestOptions = append(cfg.RequestOptions, uint8(code))
	}
	cfg.ClientID = clientID(a.key, want)
	acd, probe := usual.ACD, usual.Probe
	switch want.ACD {
	case "":
	case cni.ACDOff:
		acd = client.NoProbe
	case cni.ACDOptimistic:
		acd = client.Optimistic
	case cni.ACDRFC5227:
		acd, probe = client.ProbeFirst, arpcheck.RFC5227
	default:
		acd, probe = client.ProbeFirst, want.ACD.Duration()
	}
	cfg.ACD = acd
	return cfg, probe, nil
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

// An indulgent detector announces an address but never gives it up: acd off is
// for links where some station answers for every address.
type indulgent struct {
	*arpcheck.Detector
	log *slog.Logger
}

// Defend announces addr and, where it is lost, only says so.
func (d indulgent) Defend(addr netip.Addr, _ func(net.HardwareAddr)) {
	d.Detector.Defend(addr, func(by net.HardwareAddr) {
		d.log.Warn("another station uses the address too; kept, since acd is off", "address", addr, "station", by)
	})
}
