package isc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// definition reads "option NAME code N = TYPE;". Option spaces other than
// DHCPv4's are not supported.
func (r *confReader) definition(t token, inner bool) {
	if r.p.tok.is("space") {
		r.p.reject(t, "option spaces are not supported")
		return
	}
	n, err := readName(r.p)
	switch {
	case err != nil:
		r.p.reject(t, "%v", err)
		return
	case inner:
		r.p.reject(t, "%s: only outside of interface blocks", n)
		return
	case !r.p.tok.is("code"):
		r.p.reject(t, "%s: %v, not code", n, r.p.tok)
		return
	}
	p := r.p
	list, ok := definitionOf(p)
	switch {
	case !ok:
		p.reject(t, "%s: no semicolon after it", n)
		return
	case n.space != "":
		p.warn(t.line, "option: %s: option space %s is not supported, statement skipped", n, n.space)
		return
	}
	row, err := r.parseDefinition(t, n.option, list)
	if err == nil {
		err = r.config.Options.Define(row)
	}
	if err != nil {
		p.warn(t.line, "option: %s: %v, statement skipped", n, err)
	}
}

// definitionOf reads what is before the semicolon; a record has braces.
func definitionOf(p *parser) (list []token, ok bool) {
	depth := 0
	for p.tok.kind != atEOF {
		switch {
		case p.tok.is("{"):
			depth++
		case p.tok.is("}") && depth == 0:
			return nil, false
		case p.tok.is("}"):
			depth--
		case p.tok.is(";") && depth == 0:
			p.advance()
			return list, true
		}
		list = append(list, p.advance())
	}
	return nil, false
}

// parseDefinition reads "code N = TYPE".
func (r *confReader) parseDefinition(t token, name string, list []token) (option.Row, error) {
	if len(list) < 4 || !list[0].is("code") || list[1].kind != aWord || !list[2].is("=") {
		return option.Row{}, errors.New("not code N = TYPE")
	}
	code, err := strconv.ParseUint(list[1].text, 10, 8)
	if err != nil || code == 0 || code == 255 {
		return option.Row{}, fmt.Errorf("%v is not the number of an option, 1 to 254", list[1])
	}
	typ := words(list[3:])
	kind, ok := kindOf(uint8(code), typ, r.config.Options)
	fields := ""
	if !ok {
		if fields, ok = option.ParseRecord(typ); ok {
			kind = option.Record
		}
	}
	if !ok {
		r.p.warn(t.line, "option: %s: type %q is not supported, its values are octets", name, brief(typ))
	}
	return option.Row{Code: uint8(code), Name: name, Kind: kind, Fields: fields}, nil
}

// words are tokens in lower case with blanks between them.
func words(list []token) string {
	var parts []string
	for _, t := range list {
		parts = append(parts, strings.ToLower(t.text))
	}
	return strings.Join(parts, " ")
}
