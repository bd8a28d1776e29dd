package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
)

// Collection is a list resource of the inventory whose records have one type. A record is named by its id; a trust relation by two
// (from, to), a cache entry too (host, digest).
type Collection[T any] struct {
	client *Client
	path   string
}

// Write says under which condition, and why, a record is written or removed.
type Write struct {
	// IfMatch is the ETag that the record must have; empty: whatever it is.
	IfMatch string
	// OnlyNew writes only where there is no record yet.
	OnlyNew bool
	// Reason tells the second person why, where one must approve the change.
	Reason string
	// BreakGlass is why one person alone puts it in force, where ringfence allows that at all.
	BreakGlass string
}

// Header is the condition and the reasons as headers, for Do.
func (w Write) Header() http.Header {
	header := http.Header{}
	for name, value := range map[string]string{
		"If-Match": w.IfMatch, "Ringfence-Change-Reason": w.Reason, "Ringfence-Break-Glass": w.BreakGlass,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	if w.OnlyNew {
		header.Set("If-None-Match", "*")
	}
	return header
}

// All lists the records that pass a query; Filter makes one.
func (k Collection[T]) All(ctx context.Context, query url.Values) iter.Seq2[T, error] {
	return List[T](ctx, k.client, k.path, query)
}

// Get reads a record, and its ETag for a later Write.
func (k Collection[T]) Get(ctx context.Context, id ...string) (record T, etag string, err error) {
	answer, err := k.client.Do(ctx, Request{Path: k.at(id)}, &record)
	if err != nil {
		return record, "", err
	}
	return record, answer.ETag(), nil
}

// Put writes a record as a whole. The answer has its ETag, or the change that waits for a second person.
func (k Collection[T]) Put(ctx context.Context, record T, w Write, id ...string) (*Response, error) {
	return k.client.Do(ctx, Request{Method: http.MethodPut, Path: k.at(id), Header: w.Header(), JSON: record}, nil)
}

// Patch changes a record by a JSON merge patch (RFC 7396): what is null goes, what is absent stays.
func (k Collection[T]) Patch(ctx context.Context, patch any, w Write, id ...string) (*Response, error) {
	return k.client.Do(ctx, Request{Method: http.MethodPatch, Path: k.at(id), Header: w.Header(), JSON: patch}, nil)
}

// Delete removes a record.
func (k Collection[T]) Delete(ctx context.Context, w Write, id ...string) (*Response, error) {
	return k.client.Do(ctx, Request{Method: http.MethodDelete, Path: k.at(id), Header: w.Header()}, nil)
}

// at is the path of a record. Without an id it is none, because the list is another resource.
func (k Collection[T]) at(id []string) string {
	if len(id) == 0 || id[len(id)-1] == "" {
		return k.path + "//"
	}
	return escaped(k.path, id...)
}
