package isc

import "fmt"

const (
	// maxFile is the largest file that is read, with what it includes.
	maxFile = 1 << 20
	// maxDepth is how deep files include each other.
	maxDepth = 8
	// maxWarnings is how many warnings are kept of a file.
	maxWarnings = 100
	// maxStatements is how many statements, interfaces, leases and elements
	// of a list a file may have, each.
	maxStatements = 4096
)

// A Warning is a statement that was skipped, or not taken whole, and why.
type Warning struct {
	File string
	Line int
	Text string
}

func (w Warning) String() string { return fmt.Sprintf("%s:%d: %s", w.File, w.Line, w.Text) }

// A parser reads statements from one file.
type parser struct {
	lex      lexer
	tok      token // the next token
	last     token // the one before it
	warnings *[]Warning
	// err is what makes the rest unreadable: from then on tok is the end.
	err error
}

func newParser(file string, src []byte, warnings *[]Warning) *parser {
	p := &parser{lex: newLexer(file, src), warnings: warnings}
	p.advance()
	return p
}

// advance goes to the next token and returns the one that it passes.
func (p *parser) advance() token {
	p.last = p.tok
	if p.err != nil {
		return p.last
	}
	t, err := p.lex.next()
	if err != nil {
		p.fail(err)
		return p.last
	}
	p.tok = t
	return p.last
}

// fail ends the file.
func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	p.tok = token{line: p.tok.line, start: len(p.lex.src), end: len(p.lex.src)}
}

// warn notes what became of a statement.
func (p *parser) warn(line int, format string, args ...any) {
	switch n := len(*p.warnings); {
	case n < maxWarnings:
		*p.warnings = append(*p.warnings, Warning{p.lex.file, line, fmt.Sprintf(format, args...)})
	case n == maxWarnings:
		*p.warnings = append(*p.warnings, Warning{p.lex.file, line, "there is more that was skipped"})
	}
}

// done says that the file or the block is over.
func (p *parser) done() bool { return p.tok.kind == atEOF || p.tok.is("}") }

// take passes the mark or word s if it comes next.
func (p *parser) take(s string) bool {
	if !p.tok.is(s) {
		return false
	}
	p.advance()
	return true
}

// skip passes the rest of a statement: to its semicolon, or to the brace that
// closes the first one that it opens. The brace that closes the block around
// it is left.
func (p *parser) skip() {
	depth, opened := 0, 0
	for p.tok.kind != atEOF {
		switch {
		case p.tok.is("{"):
			if depth++; depth == 1 {
				opened = p.tok.line
			}
		case p.tok.is("}") && depth == 0:
			return
		case p.tok.is("}"):
			if depth--; depth == 0 {
				p.advance()
				return
			}
		case p.tok.is(";") && depth == 0:
			p.advance()
			return
		}
		p.advance()
	}
	if depth > 0 {
		p.fail(&Error{p.lex.file, opened, "a block that begins here has no end"})
	}
}

// reject skips the statement that began with t and says why.
func (p *parser) reject(t token, format string, args ...any) {
	p.warn(t.line, "%s: "+format+", statement skipped", append([]any{t.text}, args...)...)
	p.skip()
}

// end passes the semicolon after a statement that is whole without it.
func (p *parser) end(t token) {
	if !p.take(";") {
		p.warn(t.line, "%s: no semicolon, but %v", t.text, p.tok)
		p.skip()
	}
}

// values returns what stands before the semicolon, and passes that. ok is false
// if a block begins or ends, or the file, before there is one.
func (p *parser) values() (list []token, ok bool) {
	for !p.done() && !p.tok.is("{") {
		if p.take(";") {
			return list, true
		}
		list = append(list, p.advance())
	}
	return nil, false
}

// block reads what is between braces by calling f for each statement. It
// returns false if there is no block.
func (p *parser) block(t token, f func()) bool {
	opened := p.tok.line
	if !p.take("{") {
		p.reject(t, "no block, but %v", p.tok)
		return false
	}
	for !p.done() {
		f()
	}
	if !p.take("}") {
		p.fail(&Error{p.lex.file, opened, "a block that begins here has no end"})
		return false
	}
	p.take(";") // some write one
	return true
}

// text is the source of tokens that stand on end, in one line: strings as they
// were quoted, one blank where there was space.
func (p *parser) text(list []token) string {
	var b []byte
	for i, t := range list {
		if i > 0 && list[i-1].end != t.start {
			b = append(b, ' ')
		}
		if t.kind == aString {
			b = appendQuoted(b, t.text)
			continue
		}
		b = append(b, t.text...)
	}
	return string(b)
}

// appendQuoted appends s as a string of the language that holds exactly s, in
// printable ASCII on one line: nothing in s can end it.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
