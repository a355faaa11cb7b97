package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// header is how a resolver file of the client begins.
const header = "# Written by dhclient-go for "

// A resolverRule says what a resolver file may be: what stood there before, or
// the client's, whole, for one of the leases that there were.
type resolverRule struct {
	// original is what stood there before.
	original string
	// told says that one that is broken was reported.
	told bool
}

// broken says what is wrong with a file; "" for nothing.
func (r *resolverRule) broken(text string, grants []grant) string {
	if text == r.original {
		return ""
	}
	if !strings.HasPrefix(text, header) {
		return "neither the original nor the client's"
	}
	var servers []netip.Addr
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if quoted, ok := strings.CutPrefix(line, "#~ "); ok {
			kept.WriteString(quoted)
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if a, err := netip.ParseAddr(rest); err == nil && word == "nameserver" {
			servers = append(servers, a)
		}
	}
	if kept.String() != r.original {
		return "without what stood there before"
	}
	if !slices.ContainsFunc(grants, func(g grant) bool { return slices.Equal(g.dns, servers) }) {
		return fmt.Sprintf("one with the name servers %v, which no lease has", servers)
	}
	return ""
}

// of says whether a file is the client's for g.
func (r *resolverRule) of(text string, g grant) bool {
	return strings.HasPrefix(text, header) && r.broken(text, []grant{g}) == ""
}
