package client

import "context"

// watch has the loop told of the link; what it is told first is compared with
// the link as New found it.
func (c *Client) watch() {
	report := func(s LinkState) { c.inbox.put(job{do: func() { c.linkChanged(s) }}) }
	switch w := c.cfg.LinkWatcher.(type) {
	case nil:
		c.unwatch = func() {}
	case LinkSubscriber:
		cancel, err := w.Subscribe(report)
		if c.unwatch = cancel; err != nil {
			c.unwatch = func() {}
			c.unwatched(err)
		}
	default:
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		c.unwatch = func() { cancel(); <-done }
		go func() {
			defer close(done)
			defer c.contain()
			if err := w.Watch(ctx, report); err != nil && ctx.Err() == nil {
				c.unwatched(err)
			}
		}()
	}
}

func (c *Client) unwatched(err error) {
	c.log.Error("the link is not watched any more", "err", err)
}
