package isc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A name is that of an option, as a file has it.
type name struct {
	// space is the option space, empty for the one of DHCPv4.
	space, option string
}

func (n name) String() string {
	if n.space == "" {
		return n.option
	}
	return n.space + "." + n.option
}

// readName reads NAME or SPACE.NAME.
func readName(p *parser) (name, error) {
	if p.tok.kind != aWord {
		return name{}, fmt.Errorf("%v, not the name of an option", p.tok)
	}
	n := name{option: strings.ToLower(p.advance().text)}
	if !p.take(".") {
		return n, nil
	}
	if p.tok.kind != aWord {
		return name{}, fmt.Errorf("%v after %s., not the name of an option", p.tok, n.option)
	}
	n = name{n.option, strings.ToLower(p.advance().text)}
	if n.space == "dhcp" { // the name of DHCPv4's own
		n.space = ""
	}
	return n, nil
}

// find looks a name up: in the table, or as unknown-N, which is what dhclient
// calls an option that it has no name for.
func (n name) find(options *option.Table) (option.Row, bool) {
	if n.space != "" {
		return option.Row{}, false
	}
	if number, ok := strings.CutPrefix(n.option, "unknown-"); ok {
		code, err := strconv.ParseUint(number, 10, 8)
		if err != nil || code == 0 || code == 255 {
			return option.Row{}, false
		}
		return options.ByCode(uint8(code))
	}
	return options.ByName(n.option)
}
