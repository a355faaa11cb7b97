package main

import (
	"fmt"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// optionCode reads the number of an option, 1 to 254, or its name.
func optionCode(s string) (uint8, error) {
	if r, ok := (*option.Table)(nil).ByName(s); ok {
		return r.Code, nil
	}
	return 0, fmt.Errorf("%q is neither the number of an option, 1 to 254, nor a name like ntp-servers", s)
}
