package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/bench/scale"
)

// many measures clients on many links at once.
func many(bin string, args []string) error {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "fewer links, once, and no storms: half a minute")
	sizes := flags.String("links", "", "numbers of links, as 100,400,1000")
	alone := flags.Bool("alone", false, "without the peers")
	figures := flags.String("json", "", "write the figures to this file")
	plot := flags.String("plot", "", "draw cost against links (SVG)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New("scale takes no arguments, only flags")
	}
	o := scale.Full(bin, os.Stderr)
	if *quick {
		o = scale.Quick(bin, os.Stderr)
	}
	o.Peers = !*alone
	if *sizes != "" {
		o.Sizes = nil
		for word := range strings.SplitSeq(*sizes, ",") {
			n, err := strconv.Atoi(word)
			if err != nil || len(o.Sizes) > 0 && n <= o.Sizes[len(o.Sizes)-1] {
				return fmt.Errorf("-links %s: ascending numbers are wanted", *sizes)
			}
			o.Sizes = append(o.Sizes, n)
		}
	}
	res, err := scale.Run(o)
	if err != nil {
		return err
	}
	res.Print(out)
	if *figures != "" {
		b, err := json.MarshalIndent(res, "", "\t")
		if err == nil {
			err = os.WriteFile(*figures, append(b, '\n'), 0o644)
		}
		if err != nil {
			return err
		}
	}
	if *plot != "" {
		return os.WriteFile(*plot, res.Plot(), 0o644)
	}
	return nil
}

// soak has an agent serve links that come, go and flap, for a while.
func soak(bin string, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	o := scale.Soaking{Bin: bin, Say: os.Stdout}
	flags.DurationVar(&o.For, "for", 10*time.Minute, "how long")
	flags.IntVar(&o.Links, "links", 200, "how many links")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return scale.Soak(o)
}
