package sol013

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"ringfence/internal/placement"
)

// FilterParameter is the query parameter that ParseFilter reads.
const FilterParameter = "filter"

// maxConditions bounds the statement that a filter becomes.
const maxConditions = 64

// ParseFilter reads an attribute filter: expressions of the form (operator,path,value,...), joined by semicolons, all of which must
// hold. An empty text is no condition. What the grammar does not have is a *Fault.
func ParseFilter(text string) ([]placement.Condition, error) {
	var all []placement.Condition
	p := filterReader{text: text}
	for p.at < len(text) {
		c, err := p.condition()
		if err != nil {
			return nil, &Fault{Parameter: FilterParameter, At: p.at + 1, Reason: err.Error()}
		}
		if all = append(all, c); len(all) > maxConditions {
			return nil, &Fault{Parameter: FilterParameter, At: c.At + 1, Reason: fmt.Sprintf("a filter has at most %d expressions", maxConditions)}
		}
	}
	return all, nil
}

// filterReader stands at a byte of a filter.
type filterReader struct {
	text string
	at   int
}

func (p *filterReader) rest() string { return p.text[p.at:] }

// condition reads one expression with the semicolon behind it.
func (p *filterReader) condition() (c placement.Condition, err error) {
	c.At = p.at
	if !p.accept('(') {
		return c, fmt.Errorf("a filter is (operator,attribute,value), more of them joined by semicolons; %s does not begin so", shown(p.rest()))
	}
	operator, path, err := p.head()
	if err != nil {
		return c, err
	}
	c.Operator = placement.Operator(operator)
	if !slices.Contains(operators, c.Operator) {
		return c, fmt.Errorf("there is no operator %s; there are eq, neq, in, nin, gt, gte, lt, lte, cont, ncont", shown(operator))
	}
	if c.Path, c.OfKey, err = splitPath(path); err != nil {
		return c, err
	}
	if c.Values, err = p.values(); err != nil {
		return c, err
	}
	if len(c.Values) > 1 && !slices.Contains(multiple, c.Operator) {
		return c, fmt.Errorf("the operator %q takes one value; quote a value that contains a comma", operator)
	}
	if p.at < len(p.text) && (!p.accept(';') || p.at == len(p.text)) {
		return c, fmt.Errorf("after a filter expression comes a semicolon and another one, not %s", shown(p.rest()))
	}
	return c, nil
}

// accept reads one character if it is there.
func (p *filterReader) accept(c byte) bool {
	if p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

// head reads operator and path with the commas behind them.
func (p *filterReader) head() (operator, path string, err error) {
	operator, rest, found := strings.Cut(p.rest(), ",")
	if found {
		path, _, found = strings.Cut(rest, ",")
	}
	if !found {
		return "", "", fmt.Errorf("the filter expression (%s has no value", shown(p.rest()))
	}
	p.at += len(operator) + len(path) + 2
	return operator, path, nil
}

// values reads the values with the parenthesis behind them.
func (p *filterReader) values() (values []string, err error) {
	for more := true; more; {
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		if !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 {
			return nil, errors.New("a filter value holds something that no attribute can: it is not UTF-8, or has the character U+0000")
		}
		values = append(values, value)
		if more = p.accept(','); !more && !p.accept(')') {
			return nil, fmt.Errorf("after a filter value comes a comma or a closing parenthesis, not %s", shown(p.rest()))
		}
	}
	return values, nil
}

func (p *filterReader) value() (string, error) {
	if p.accept('\'') {
		return p.quoted()
	}
	end := strings.IndexAny(p.rest(), ",)'")
	if end <= 0 {
		return "", fmt.Errorf("a filter value is missing, has a stray quote or no closing parenthesis: %s", shown(p.rest()))
	}
	p.at += end
	return p.text[p.at-end : p.at], nil
}

// quoted reads up to the closing quote; a quote within the value is doubled.
func (p *filterReader) quoted() (string, error) {
	var value strings.Builder
	for {
		part, _, found := strings.Cut(p.rest(), "'")
		if !found {
			return "", fmt.Errorf("a quoted filter value has no closing quote: %s", shown(p.rest()))
		}
		p.at += len(part) + 1
		value.WriteString(part)
		if !p.accept('\'') {
			return value.String(), nil
		}
		value.WriteByte('\'')
	}
}
