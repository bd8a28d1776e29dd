package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
)

// HostFeed reads the directives of a host with a sequence number above after, waiting for the first one if there is none.
// They come as they were signed: verify each before use.
func (c *Client) HostFeed(ctx context.Context, hostID string, after int64, wait time.Duration) ([]json.RawMessage, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}}
	if wait > 0 {
		query.Set("wait", wait.String())
	}
	var directives []json.RawMessage
	path := "/directives/v1/hosts/" + url.PathEscape(hostID) + "/directives"
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query, timeout: wait}, &directives)
	return directives, err
}

// VIMFeed reads the directives of all hosts behind a VIM connection after a marker (empty: from the first that is kept),
// waiting for the first one if there is none. next is the marker to go on with, once the directives are dealt with.
func (c *Client) VIMFeed(ctx context.Context, vimConnectionID, marker string, wait time.Duration) (directives []json.RawMessage, next string, err error) {
	query := url.Values{"vimConnectionId": {vimConnectionID}}
	if marker != "" {
		query.Set("marker", marker)
	}
	if wait > 0 {
		query.Set("wait", wait.String())
	}
	header, err := c.do(ctx, call{method: http.MethodGet, path: "/directives/v1/directives", query: query, timeout: wait}, &directives)
	if err != nil {
		return nil, marker, err
	}
	return directives, nextMarker(header, marker), nil
}

// nextMarker is the marker of the Link header, or the one before. Only the marker of the link is used: the address that
// ringfence has for itself need not be the one that leads to it from here.
func nextMarker(header http.Header, before string) string {
	for _, link := range header.Values("Link") {
		target, rest, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !found || !strings.Contains(rest, `rel="next"`) {
			continue
		}
		if u, err := url.Parse(target); err == nil && u.Query().Get("marker") != "" {
			return u.Query().Get("marker")
		}
	}
	return before
}

// Acknowledge says what became of a directive. An acknowledgement that ringfence has already is none too many.
func (c *Client) Acknowledge(ctx context.Context, ack wire.Ack) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/directives/v1/acks", body: ack}, nil)
	return err
}

// Report tells what a host sees of itself. etag is that of the report before, empty for none; if another report came in
// between, this one is sent anew without the condition. It returns what followed, and the ETag for the next report.
func (c *Client) Report(ctx context.Context, hostID string, state wire.ObservedState, etag string) (wire.ObservationResult, string, error) {
	put := call{
		method: http.MethodPut, path: "/directives/v1/hosts/" + url.PathEscape(hostID) + "/observed_state", body: state, header: http.Header{},
	}
	if etag != "" {
		put.header.Set("If-Match", etag)
	}
	var result wire.ObservationResult
	header, err := c.do(ctx, put, &result)
	if HasStatus(err, http.StatusPreconditionFailed) {
		put.header.Del("If-Match")
		header, err = c.do(ctx, put, &result)
	}
	if err != nil {
		return result, "", err
	}
	return result, header.Get("ETag"), nil
}

// RecordScrub adds the evidence that a host was cleaned.
func (c *Client) RecordScrub(ctx context.Context, hostID string, report inventory.ScrubReport) error {
	path := "/inventory/v1/hosts/" + url.PathEscape(hostID) + "/scrub_records"
	_, err := c.do(ctx, call{method: http.MethodPost, path: path, body: report}, nil)
	return err
}
