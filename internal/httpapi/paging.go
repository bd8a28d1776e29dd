package httpapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"ringfence/internal/auth"
	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// defaultPageSize is how many entries one answer lists at most.
const defaultPageSize = 500

// markerParam is the query parameter of SOL013 that says where a page starts.
const markerParam = sol013.MarkerParameter

// source reads a list from the database in the order of its key.
type source[T any] struct {
	read func(context.Context, placement.Page) ([]T, error)
	key  func(*T) string // of an entry, as placement.Page.After takes it
	size int             // of a page, where entries are large; 0: as of every list
}

// readPage returns the next entries for which the filter holds, never nil, and the Link header that leads to the page after them; nil
// on the last page.
func readPage[T any](ctx context.Context, s *Server, filter, marker string, src source[T]) (entries []T, link *string, err error) {
	r := requestOf(ctx)
	size := min(cmp.Or(src.size, s.pageSize), s.pageSize)
	page := placement.Page{Limit: size + 1, Base: s.base(r)}
	if page.Where, err = sol013.ParseFilter(filter); err != nil {
		return nil, nil, err
	}
	if page.After, err = s.markerKey(r, marker); err != nil {
		return nil, nil, err
	}
	if entries, err = src.read(ctx, page); err != nil {
		return nil, nil, err
	}
	if len(entries) <= size {
		return append([]T{}, entries...), nil, nil
	}
	entries = entries[:size]
	next := s.nextLink(r, markerParam, s.newMarker(r, src.key(&entries[size-1])))
	return entries, &next, nil
}

// nextLink is the request's own URI with one query parameter set, as a Link header.
func (s *Server) nextLink(r *http.Request, param, value string) string {
	query := r.URL.Query()
	query.Set(param, value)
	return "<" + s.base(r) + r.URL.EscapedPath() + "?" + query.Encode() + `>; rel="next"`
}

// newMarkers makes what issues markers, with a secret that replicas share: it comes from the key that they sign directives with.
func (s *Server) newMarkers() (sol013.Markers, error) {
	if s.Signer == nil { // a server that delivers no directives is alone
		return sol013.NewMarkers([]byte(rand.Text())), nil
	}
	secret, err := s.Signer.Secret("markers of paged lists")
	return sol013.NewMarkers(secret), err
}

// bound is what a marker is issued for: the client, the list, and what the list is restricted to.
func bound(r *http.Request) []string {
	query := r.URL.Query()
	for _, name := range []string{markerParam, "fields", "exclude_fields", "all_fields", "exclude_default"} { // the entries are the same
		query.Del(name)
	}
	return []string{auth.FromContext(r.Context()).ClientID, r.URL.EscapedPath(), query.Encode()}
}

func (s *Server) newMarker(r *http.Request, key string) string {
	return s.markers.Issue(time.Now(), key, bound(r)...)
}

// markerKey undoes newMarker.
func (s *Server) markerKey(r *http.Request, marker string) (string, error) {
	return s.markers.Open(time.Now(), marker, bound(r)...)
}

// mapped converts the entries of a list; the result is never nil.
func mapped[T, W any](list []T, convert func(*T) W) []W {
	out := make([]W, len(list))
	for i := range list {
		out[i] = convert(&list[i])
	}
	return out
}
