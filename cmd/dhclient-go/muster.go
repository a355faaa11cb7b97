package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dhclient-go/dhclient-go/internal/ladder"
)

// A muster is what the arguments mean now.
type muster struct {
	// names are the links to serve, each once, in the order of the arguments
	// and then of their numbers; seen is how many of them there are.
	names []string
	seen  int
	// missing are the selectors that mean none, there the links that there are.
	missing []*selector
	there   []string
}

// muster finds the links that selectors mean, and makes a berth for each: from
// there on there are only names. With --wait-link there may be none before gather.
func (f *fleet) muster() error {
	if len(f.o.selectors) == 0 {
		return nil
	}
	m, err := f.find()
	if err == nil && (f.enough(m) || f.o.waitLink == 0) {
		err = f.settle(m)
	}
	return err
}

// settle makes the berths.
func (f *fleet) settle(m *muster) error {
	var failed []error
	for _, s := range m.missing {
		failed = append(failed, m.nothing(s))
	}
	if len(failed) > 0 && (!f.o.waitAny || len(m.names) == 0) {
		return errors.Join(failed...)
	}
	for _, err := range failed {
		f.log.Error(err.Error())
	}
	if c := f.o.charge; c != nil && c.fallback != nil && len(m.names) > 1 {
		return &usageError{"--on-failure", "a fallback is for one interface, not for " + strings.Join(m.names, ", ")}
	}
	if f.o.charge == nil && f.o.client.Fallback != nil && len(m.names) > 1 {
		return &usageError{"--fallback", "is for one interface, not for " + strings.Join(m.names, ", ")}
	}
	if h, ok := f.log.Handler().(*ladder.Handler); ok {
		h.SetLinks(m.names)
	}
	f.o.links = m.names
	f.occupy()
	return nil
}

// find looks what the arguments mean.
func (f *fleet) find() (*muster, error) {
	all, err := f.ns.Candidates()
	if err != nil {
		return nil, err
	}
	m := &muster{}
	for _, c := range all {
		m.there = append(m.there, c.Name)
	}
	slices.SortFunc(m.there, compareNames)
	for _, text := range f.o.links {
		i := slices.IndexFunc(f.o.selectors, func(s *selector) bool { return s.text == text })
		if i < 0 {
			m.add(text)
			continue
		}
		s, names := f.o.selectors[i], []string(nil)
		for _, c := range all {
			switch is, err := s.matches(&c, f.ns.Driver); {
			case err != nil:
				return nil, err
			case is:
				names = append(names, c.Name)
			}
		}
		slices.SortFunc(names, compareNames)
		for _, name := range names {
			m.add(name)
		}
		if len(names) == 0 {
			m.missing = append(m.missing, s)
		}
		f.log.Debug("links chosen", "by", text, "links", strings.Join(names, " "))
	}
	return m, nil
}

// add adds a link, unless it is meant already.
func (m *muster) add(name string) {
	if slices.Contains(m.names, name) {
		return
	}
	m.names = append(m.names, name)
	if slices.Contains(m.there, name) {
		m.seen++
	}
}

// nothing says that s means no link.
func (m *muster) nothing(s *selector) error {
	return fmt.Errorf("no link matches %s (%s)", s.text, m.others())
}

func (m *muster) others() string {
	if len(m.there) == 0 {
		return "there is none"
	}
	return "there are: " + strings.Join(m.there, ", ")
}

// enough says that there is what to begin with: something for each argument, or
// where one link is enough for any.
func (f *fleet) enough(m *muster) bool {
	return len(m.missing) == 0 || f.o.waitAny && m.seen > 0
}

// gather waits for enough links, where there were not: as long as --wait-link says,
// and until limit ends. Then it starts their clients.
func (f *fleet) gather(ctx, limit context.Context, running *sync.WaitGroup) error {
	if len(f.berths) > 0 {
		return nil
	}
	err := f.awaitLinks(limit)
	if err == nil {
		f.start(ctx, limit, running)
	}
	return err
}

func (f *fleet) awaitLinks(limit context.Context) error {
	ctx := limit
	if f.o.waitLink != forever {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(limit, f.o.waitLink, errNoLinks)
		defer cancel()
	}
	var m *muster
	err := f.ns.WaitUntil(ctx, func() (done bool, err error) {
		m, err = f.find()
		return err == nil && f.enough(m), err
	})
	switch {
	case err == nil, errors.Is(err, errNoLinks):
		return f.settle(m)
	case errors.Is(err, errTimeout):
		var late []error
		for _, s := range m.missing {
			late = append(late, &noLeaseError{s.text, f.o.timeout, "no link matches (" + m.others() + ")"})
		}
		return errors.Join(late...)
	case limit.Err() != nil:
		return errStopped
	}
	return err
}

// errNoLinks is why waiting for links ended: --wait-link is over.
var errNoLinks = errors.New("no links")
