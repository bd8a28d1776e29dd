package postgres

import (
	"strings"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// attributes are what the entries of a list can be filtered by: the attributes of the contract, by their paths, each with what it is
// in the list's statement. It is a whitelist, so what the contract does not show, such as secrets, cannot be asked for. An attribute
// that is absent, which an empty text is too, meets no condition.
type attributes map[string]attribute

// attribute is one of them.
type attribute struct {
	kind  sol013.Kind
	sql   string            // an expression; of an array what yields its elements, as a FROM item
	each  bool              // an array of values, one of which must match
	of    attributes        // an array of objects: their attributes, which know an element by the alias in sql
	isMap bool              // sql is a jsonb object, whose members have the kind
	cases map[string]string // the condition under which the attribute has a value, for one that no column has
	near  string            // a condition that follows from equality with {value}, and that an index knows
}

// find splits a path into the longest name that is known, and the rest.
func (known attributes) find(path []string) (name string, rest []string) {
	escaped := escapedNames(path)
	for n := len(path); n > 0; n-- {
		name = strings.Join(escaped[:n], "/")
		if _, ok := known[name]; ok {
			return name, path[n:]
		}
	}
	return "", path
}

// check tells what of a page's conditions is not supported, before anything is read.
func (known attributes) check(page placement.Page) error {
	_, err := new(filterBuilder).all(known, "", page.Where)
	return err
}

func text(sql string) attribute     { return attribute{kind: sol013.String, sql: sql} }
func enum(sql string) attribute     { return attribute{kind: sol013.Enum, sql: sql} }
func number(sql string) attribute   { return attribute{kind: sol013.Number, sql: sql} }
func boolean(sql string) attribute  { return attribute{kind: sol013.Boolean, sql: sql} }
func dateTime(sql string) attribute { return attribute{kind: sol013.DateTime, sql: sql} }
func duration(sql string) attribute { return attribute{kind: sol013.Duration, sql: sql} } // nanoseconds

// texts and enums are columns of type text[].
func texts(sql string) attribute {
	return attribute{kind: sol013.String, sql: "unnest(" + sql + ")", each: true}
}

func enums(sql string) attribute {
	return attribute{kind: sol013.Enum, sql: "unnest(" + sql + ")", each: true}
}

// inJSON are arrays of texts in jsonb; NULL has no elements.
func textsInJSON(sql string) attribute {
	return attribute{kind: sol013.String, sql: "jsonb_array_elements_text(" + sql + ")", each: true}
}

func enumsInJSON(sql string) attribute {
	return attribute{kind: sol013.Enum, sql: "jsonb_array_elements_text(" + sql + ")", each: true}
}

// labelled is a jsonb object of texts, amounts one of numbers.
func labelled(sql string) attribute {
	return attribute{kind: sol013.String, sql: sql, isMap: true}
}

func amounts(sql string) attribute {
	return attribute{kind: sol013.Number, sql: sql, isMap: true}
}

// objects is an array of objects: from is what yields them, with an alias.
func objects(from string, of attributes) attribute { return attribute{sql: from, of: of} }

// computed is an attribute with a closed vocabulary that no column has.
func computed(cases map[string]string) attribute {
	return attribute{kind: sol013.Enum, cases: cases}
}

// hostID is the host of a row that lies with its host: in its NFVI-PoP, which the index has first.
func hostID(sql string) attribute {
	a := text(sql)
	a.near = "nfvi_pop_id = (SELECT d.nfvi_pop_id FROM directory d WHERE d.kind = 'HOST' AND d.id = {value})"
	return a
}

// member is the value of a map's key.
func (a *attribute) member(key string) string {
	value := "(" + a.sql + ") ->> " + key + "::text"
	if a.kind == sol013.Number {
		return "(" + value + ")::numeric"
	}
	return value
}
