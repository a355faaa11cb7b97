package isc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Facts are what an expression can ask of the host.
type Facts struct {
	// Hostname is the host's name; empty if it has none.
	Hostname string
	// Hardware is the interface's address.
	Hardware lease.HardwareAddr
}

// An expression is the value of an option. ok is false if it has none, such as
// the name of a host that has no name.
type expression func(f Facts) (v []byte, ok bool)

// constant is the expression of a value.
func constant(v []byte) expression { return func(Facts) ([]byte, bool) { return v, true } }

const (
	// maxNesting is how deep calls stand in each other.
	maxNesting = 16
	// maxValue bounds what an expression makes.
	maxValue = 4096
)

// An exprParser reads a data expression of dhcp-eval(5).
type exprParser struct {
	list  []token
	depth int
}

var errNoMore = errors.New("an expression that ends too early")

// parseExpression reads what stands after the = of a statement.
func parseExpression(list []token) (expression, error) {
	p := exprParser{list: list}
	e, err := p.data()
	if err == nil && len(p.list) > 0 {
		err = fmt.Errorf("%v after an expression", p.list[0])
	}
	return e, err
}

func (p *exprParser) next() token {
	if len(p.list) == 0 {
		return token{}
	}
	t := p.list[0]
	p.list = p.list[1:]
	return t
}

func (p *exprParser) peek() token {
	if len(p.list) == 0 {
		return token{}
	}
	return p.list[0]
}

func (p *exprParser) want(mark string) error {
	if t := p.next(); !t.is(mark) {
		return fmt.Errorf("%v in an expression, not %q", t, mark)
	}
	return nil
}

// data reads one expression.
func (p *exprParser) data() (expression, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, errors.New("an expression too deep")
	}
	defer func() { p.depth-- }()
	t := p.next()
	switch {
	case t.kind == atEOF:
		return nil, errNoMore
	case t.kind == aString:
		return constant([]byte(t.text)), nil
	case t.kind != aWord:
		return nil, fmt.Errorf("%v in an expression", t)
	case t.is("hardware"):
		// The type, 1 for Ethernet, and the address.
		return func(f Facts) ([]byte, bool) { return append([]byte{1}, f.Hardware[:]...), !f.Hardware.IsZero() }, nil
	case !p.peek().is("("):
		return p.octets(t)
	}
	p.next()
	return p.call(t)
}

// octets reads 1:0:a0 and the like, of which t is the first.
func (p *exprParser) octets(t token) (expression, error) {
	var v []byte
	for {
		n, err := strconv.ParseUint(t.text, 16, 8)
		if err != nil {
			return nil, fmt.Errorf("%v is not supported in an expression", t)
		}
		v = append(v, byte(n))
		if !p.peek().is(":") {
			return constant(v), nil
		}
		p.next()
		t = p.next()
	}
}

// call reads the arguments of a function and what closes them.
func (p *exprParser) call(t token) (e expression, err error) {
	switch {
	case t.is("gethostname"):
		e = func(f Facts) ([]byte, bool) { return []byte(f.Hostname), f.Hostname != "" }
	case t.is("concat"):
		e, err = p.several(concat)
	case t.is("pick-first-value"):
		e, err = p.several(pickFirst)
	case t.is("lcase"):
		e, err = p.mapped(lower)
	case t.is("ucase"):
		e, err = p.mapped(upper)
	case t.is("substring"):
		e, err = p.part(2, substring)
	case t.is("suffix"):
		e, err = p.part(1, suffix)
	case t.is("binary-to-ascii"):
		e, err = p.ascii()
	default:
		return nil, fmt.Errorf("%s() is not supported", t.text)
	}
	if err == nil {
		err = p.want(")")
	}
	return e, err
}

// several reads expressions with commas between them.
func (p *exprParser) several(join func(Facts, []expression) ([]byte, bool)) (expression, error) {
	var list []expression
	for {
		e, err := p.data()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if !p.peek().is(",") {
			return func(f Facts) ([]byte, bool) { return join(f, list) }, nil
		}
		p.next()
	}
}

// concat puts values on end; without one of them there is none.
func concat(f Facts, list []expression) ([]byte, bool) {
	var all []byte
	for _, e := range list {
		v, ok := e(f)
		if !ok || len(all)+len(v) > maxValue {
			return nil, false
		}
		all = append(all, v...)
	}
	return all, true
}

// pickFirst is the first value that is not empty.
func pickFirst(f Facts, list []expression) ([]byte, bool) {
	for _, e := range list {
		if v, ok := e(f); ok && len(v) > 0 {
			return v, true
		}
	}
	return nil, false
}

// mapped reads an expression whose octets are changed one by one.
func (p *exprParser) mapped(change func(byte) byte) (expression, error) {
	e, err := p.data()
	return func(f Facts) ([]byte, bool) {
		v, ok := e(f)
		v = slices.Clone(v)
		for i, c := range v {
			v[i] = change(c)
		}
		return v, ok
	}, err
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// part reads an expression and n numbers that say what of it is taken.
func (p *exprParser) part(n int, of func(v []byte, n []int) []byte) (expression, error) {
	e, err := p.data()
	if err != nil {
		return nil, err
	}
	numbers := make([]int, n)
	for i := range numbers {
		if err := p.want(","); err != nil {
			return nil, err
		}
		if numbers[i], err = p.number(); err != nil {
			return nil, err
		}
	}
	return func(f Facts) ([]byte, bool) {
		v, ok := e(f)
		return of(v, numbers), ok
	}, nil
}

func (p *exprParser) number() (int, error) {
	t := p.next()
	n, err := strconv.ParseUint(t.text, 0, 16)
	if t.kind != aWord || err != nil {
		return 0, fmt.Errorf("%v in an expression, not a number", t)
	}
	return int(n), nil
}

// substring is n[1] octets from n[0] on, or as many as there are.
func substring(v []byte, n []int) []byte {
	v = v[min(n[0], len(v)):]
	return v[:min(n[1], len(v))]
}

// suffix is the last n[0] octets.
func suffix(v []byte, n []int) []byte { return v[max(0, len(v)-n[0]):] }

// ascii reads binary-to-ascii(base, width, separator, value).
func (p *exprParser) ascii() (expression, error) {
	base, err := p.number()
	if err != nil {
		return nil, err
	}
	if err := p.want(","); err != nil {
		return nil, err
	}
	width, err := p.number()
	switch {
	case err != nil:
		return nil, err
	case base != 8 && base != 10 && base != 16 || width != 8 && width != 16 && width != 32:
		return nil, fmt.Errorf("binary-to-ascii of base %d and width %d", base, width)
	}
	if err := p.want(","); err != nil {
		return nil, err
	}
	sep := p.next()
	if sep.kind != aString {
		return nil, fmt.Errorf("%v in an expression, not a separator", sep)
	}
	if err := p.want(","); err != nil {
		return nil, err
	}
	e, err := p.data()
	return func(f Facts) ([]byte, bool) {
		v, ok := e(f)
		return inASCII(v, base, width/8, sep.text), ok
	}, err
}

// inASCII writes the numbers of width octets that v holds.
func inASCII(v []byte, base, width int, sep string) (out []byte) {
	for ; len(v) >= width && len(out) < maxValue; v = v[width:] {
		n := uint64(0)
		for _, c := range v[:width] {
			n = n<<8 | uint64(c)
		}
		if len(out) > 0 {
			out = append(out, sep...)
		}
		out = strconv.AppendUint(out, n, base)
	}
	return out
}
