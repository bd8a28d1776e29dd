package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"ringfence/internal/placement"
)

const (
	pageSize  = 500 // entries that one answer lists at most
	scanPages = 20  // pages of entries that are looked at for one answer, where a filter takes most of them out
)

// markerParam is the query parameter of SOL013 that says where a page starts.
const markerParam = "nextpage_opaque_marker"

// source reads a list from the database in the order of its key.
type source[T any] struct {
	read func(context.Context, placement.Page) ([]T, error)
	key  func(*T) string // of an entry, as placement.Page.After takes it
	size int             // of a page, where entries are large; 0: pageSize
}

// readPage returns the next entries that pass the filter, never nil, and the Link header that leads to the page
// after them; nil on the last page. A page may hold fewer entries than there are, even none, where a filter
// takes most of them out: then the link goes on from there.
func readPage[T any](ctx context.Context, s *Server, marker string, f *filter[T], src source[T]) (entries []T, link *string, err error) {
	after, err := markerKey(requestOf(ctx), marker)
	if err != nil {
		return nil, nil, err
	}
	entries = []T{}
	size := cmp.Or(src.size, pageSize)
	for scanned := 0; ; {
		batch, err := src.read(ctx, placement.Page{After: after, Limit: size + 1})
		if err != nil {
			return nil, nil, err
		}
		for i := range batch {
			if len(entries) == size || scanned == scanPages*size {
				next := s.nextLink(requestOf(ctx), markerParam, newMarker(requestOf(ctx), after))
				return entries, &next, nil
			}
			scanned++
			after = src.key(&batch[i])
			if f.matches(&batch[i]) {
				entries = append(entries, batch[i])
			}
		}
		if len(batch) <= size {
			return entries, nil, nil
		}
	}
}

// nextLink is the request's own URI with one query parameter set, as a Link header.
func (s *Server) nextLink(r *http.Request, param, value string) string {
	query := r.URL.Query()
	query.Set(param, value)
	return "<" + s.base(r) + r.URL.EscapedPath() + "?" + query.Encode() + `>; rel="next"`
}

// listTag tells the markers of one list from those of another.
func listTag(r *http.Request) []byte {
	sum := sha256.Sum256([]byte(r.URL.Path))
	return sum[:6]
}

func newMarker(r *http.Request, key string) string {
	return base64.RawURLEncoding.EncodeToString(append(listTag(r), key...))
}

// markerKey undoes newMarker.
func markerKey(r *http.Request, marker string) (string, error) {
	if marker == "" {
		return "", nil
	}
	data, err := base64.RawURLEncoding.DecodeString(marker)
	key, ok := bytes.CutPrefix(data, listTag(r))
	if err != nil || !ok {
		p := newProblem(http.StatusBadRequest, markerParam+" was not issued for this list; follow the Link header of the page before, or start without it")
		p.InvalidParams = []invalidParam{{Pointer: markerParam, Reason: "not a marker of this list"}}
		return "", p
	}
	return string(key), nil
}

// mapped converts the entries of a list; the result is never nil.
func mapped[T, W any](list []T, convert func(*T) W) []W {
	out := make([]W, len(list))
	for i := range list {
		out[i] = convert(&list[i])
	}
	return out
}
