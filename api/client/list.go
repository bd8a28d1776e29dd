package client

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// pageMarker is the parameter that says where a page of a list starts (SOL013).
const pageMarker = "nextpage_opaque_marker"

// List reads the entries of a list that pass a query, page by page as a loop asks for them. After an error it ends.
func List[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		at := url.Values{}
		maps.Copy(at, query)
		for {
			var page []T
			answer, err := c.Do(ctx, Request{Path: path, Query: at}, &page)
			if err != nil {
				yield(none, err)
				return
			}
			for _, entry := range page {
				if !yield(entry, nil) {
					return
				}
			}
			next := nextMarker(answer.Header, pageMarker)
			if next == "" {
				return
			}
			if next == at.Get(pageMarker) {
				yield(none, fmt.Errorf("the list %s leads from a page to itself", path))
				return
			}
			at.Set(pageMarker, next)
		}
	}
}

// All collects what List reads.
func All[T any](entries iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for entry, err := range entries {
		if err != nil {
			return nil, err
		}
		all = append(all, entry)
	}
	return all, nil
}

// nextMarker is where the next page starts; empty on the last. Only the marker of the link is used: the address that ringfence has
// for itself need not be the one that leads to it from here, and nobody else's leads anywhere.
func nextMarker(header http.Header, parameter string) string {
	for _, link := range header.Values("Link") {
		target, rest, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !found || !strings.Contains(rest, `rel="next"`) {
			continue
		}
		if u, err := url.Parse(target); err == nil {
			return u.Query().Get(parameter)
		}
	}
	return ""
}

// Filter is a query of a list: attributes that must equal a value, in pairs. Pairs with an empty value are left out. What else the
// filters of SOL013 can say is written by hand into the parameter "filter".
func Filter(pairs ...string) url.Values {
	var terms []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			terms = append(terms, "(eq,"+pairs[i]+","+filterValue(pairs[i+1])+")")
		}
	}
	if len(terms) == 0 {
		return nil
	}
	return url.Values{"filter": {strings.Join(terms, ";")}}
}

// filterValue quotes a value that holds what means something in the grammar; a quote is doubled.
func filterValue(v string) string {
	if !strings.ContainsAny(v, "',)") {
		return v
	}
	return "'" + strings.ReplaceAll(v, "'", "''") + "'"
}
