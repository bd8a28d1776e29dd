package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// requestProblem turns what kin-openapi says into a problem: parameters 400, bodies 422 with JSON pointers.
func requestProblem(err error) error {
	if err == nil {
		return nil
	}
	return contractProblem(http.StatusBadRequest, err)
}

// schemaProblem turns what kin-openapi says of a value into a problem with JSON pointers.
func schemaProblem(err error) error { return contractProblem(http.StatusUnprocessableEntity, err) }

func contractProblem(status int, err error) *problem {
	p := newProblem(status, "")
	collect(err, "", p)
	p.Detail = broken(p.InvalidParams)
	return p
}

// faulty makes a problem of the places at which a request is wrong.
func faulty(status int, params []invalidParam) *problem {
	p := newProblem(status, broken(params))
	p.InvalidParams = params
	return p
}

// broken says in a sentence where a request breaks the contract.
func broken(params []invalidParam) string {
	var places, reasons []string
	seen := map[string]bool{}
	for i := range params {
		place := params[i].Pointer
		if place == "" {
			place = "the body itself"
		}
		if !seen[place] {
			seen[place] = true
			places = append(places, place)
		}
		reasons = append(reasons, params[i].Reason)
	}
	if len(places) == 1 {
		return fmt.Sprintf("the request does not follow the contract at %s: %s", printable(places[0]), strings.Join(reasons, "; "))
	}
	return fmt.Sprintf("the request does not follow the contract in %d places, such as %s", len(places), printable(strings.Join(places[:min(len(places), maxPlaces)], ", ")))
}

// maxPlaces is how many places of a faulty request its detail names; invalidParams has them all.
const maxPlaces = 3

// collect walks the tree of errors. openapi3.MultiError answers errors.As itself, so the kinds are switched by
// hand; otherwise only the first violation would be left.
func collect(err error, where string, p *problem) {
	switch e := err.(type) { //nolint:errorlint // see above
	case openapi3.MultiError:
		for _, inner := range e {
			collect(inner, where, p)
		}
	case *openapi3filter.RequestError:
		switch {
		case e.Parameter != nil:
			where = e.Parameter.In + " parameter " + e.Parameter.Name
		case e.RequestBody != nil:
			p.Status, p.Title = http.StatusUnprocessableEntity, http.StatusText(http.StatusUnprocessableEntity)
		}
		if e.Err != nil {
			collect(e.Err, where, p)
			return
		}
		p.InvalidParams = append(p.InvalidParams, invalidParam{Pointer: where, Reason: e.Reason})
	case *openapi3.SchemaError:
		if inner := innerErrors(e); inner != nil {
			collect(inner, where, p)
			return
		}
		pointer := where
		if where == "" {
			pointer = jsonPointer(append(e.JSONPointer(), unsupported(e)...))
		}
		p.InvalidParams = append(p.InvalidParams, invalidParam{Pointer: pointer, Reason: reasonOf(e)})
	default:
		p.InvalidParams = append(p.InvalidParams, invalidParam{Pointer: where, Reason: printable(err.Error())})
	}
}

// noControls is the pattern of identifiers and labels.
var noControls = regexp.MustCompile(`^\^\[\^\\x00-\\x1F\\x7F\][*+]\$$`)

// outOfForm says that what, a text, does not match a pattern.
func outOfForm(what, pattern string, example any) string {
	switch {
	case noControls.MatchString(pattern):
		return what + " holds a control character (a line break, a tab, or the like), which is not allowed here"
	case example != nil:
		return fmt.Sprintf("%s is not of the form %s, such as %v", what, pattern, example)
	}
	return what + " is not of the form " + pattern
}

// reasonOf says what is wrong with a value in words that a person can act on. It does not repeat the value.
func reasonOf(e *openapi3.SchemaError) string {
	s := e.Schema
	switch e.SchemaField {
	case "pattern":
		return outOfForm("this", s.Pattern, s.Example)
	case "format":
		if s.Format == "date-time" {
			return "this is no time as RFC 3339 writes it, such as 2026-11-23T10:00:00Z"
		}
	case "enum":
		var names []string
		for _, v := range s.Enum {
			names = append(names, fmt.Sprint(v))
		}
		text, _ := e.Value.(string)
		return "this is none of " + strings.Join(names, ", ") + suggestion(text, names)
	case "minimum", "maximum":
		return "this is out of bounds: " + bounds(s.Min, s.Max)
	case "type":
		if _, number := e.Value.(json.Number); number && e.Origin != nil {
			return "this number is larger than a computer's numbers are"
		}
	}
	return printable(e.Reason)
}

// bounds writes the bounds of a number, of which there is at least one.
func bounds(least, most *float64) string {
	write := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	switch {
	case most == nil:
		return "at least " + write(*least)
	case least == nil:
		return "at most " + write(*most)
	}
	return write(*least) + " to " + write(*most)
}

// unsupported is the name of an attribute that a schema does not have, for which the error points to the object only.
func unsupported(e *openapi3.SchemaError) []string {
	quoted, ok1 := strings.CutPrefix(e.Reason, "property ")
	quoted, ok2 := strings.CutSuffix(quoted, " is unsupported")
	name, err := strconv.Unquote(quoted)
	if !ok1 || !ok2 || err != nil {
		return nil
	}
	return []string{name}
}

// innerErrors looks behind an allOf, which is how the contract describes an attribute that has a schema of its
// own: what is wrong is said within. Nil for any other error.
func innerErrors(e *openapi3.SchemaError) openapi3.MultiError {
	if e.SchemaField != "allOf" {
		return nil
	}
	for err := e.Origin; err != nil; err = errors.Unwrap(err) {
		if inner, ok := err.(openapi3.MultiError); ok { //nolint:errorlint // see collect
			return inner
		}
	}
	return nil
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// jsonPointer renders the way to a value (RFC 6901); the empty pointer is the whole body.
func jsonPointer(parts []string) string {
	var b strings.Builder
	for _, s := range parts {
		if b.Len() > maxPrinted { // the rest would be cut off
			break
		}
		b.WriteByte('/')
		b.WriteString(pointerEscapes.Replace(s))
	}
	return printable(b.String())
}
