package main

import (
	"time"

	"github.com/dhclient-go/dhclient-go/internal/helper"
)

// helperGrace is how long the helper may take to end what it does.
const helperGrace = time.Second

// startHelper starts the second process, if there is anything for it to do. This
// one executes nothing, so that it can give up the right to.
func (f *fleet) startHelper() (err error) {
	var cfg helper.Config
	if c := f.o.charge; c != nil {
		cfg.Program = &c.program
	}
	if cfg.Program == nil {
		return nil
	}
	f.helper, err = helper.Start(cfg, f.log)
	return err
}

// stopHelper ends it, when what it does is done, or soon.
func (f *fleet) stopHelper() {
	if f.helper != nil {
		f.helper.Close(helperGrace)
	}
}
