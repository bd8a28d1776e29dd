package client

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"ringfence/api/directives"
)

const directivesPath = "/directives/v1"

// HostFeed reads the directives of a host with a sequence number above after, waiting for the first one if there is none.
// They come as they were signed: verify each before use.
func (c *Client) HostFeed(ctx context.Context, hostID string, after int64, wait time.Duration) ([]json.RawMessage, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}}
	if wait > 0 {
		query.Set("wait", wait.String())
	}
	var feed []json.RawMessage
	_, err := c.Do(ctx, Request{Path: escaped(directivesPath+"/hosts", hostID, "directives"), Query: query, Wait: wait}, &feed)
	return feed, err
}

// VIMFeed reads the directives of all hosts behind a VIM connection after a marker (empty: from the first that is kept),
// waiting for the first one if there is none. next is the marker to go on with, once the directives are dealt with.
func (c *Client) VIMFeed(ctx context.Context, vimConnectionID, marker string, wait time.Duration) (feed []json.RawMessage, next string, err error) {
	query := url.Values{"vimConnectionId": {vimConnectionID}}
	if marker != "" {
		query.Set("marker", marker)
	}
	if wait > 0 {
		query.Set("wait", wait.String())
	}
	answer, err := c.Do(ctx, Request{Path: directivesPath + "/directives", Query: query, Wait: wait}, &feed)
	if err != nil {
		return nil, marker, err
	}
	return feed, cmp.Or(nextMarker(answer.Header, "marker"), marker), nil
}

// Acknowledge says what became of a directive. An acknowledgement that ringfence has already is none too many.
func (c *Client) Acknowledge(ctx context.Context, ack directives.Ack) error {
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: directivesPath + "/acks", JSON: ack, Idempotent: true}, nil)
	return err
}

// Report tells what a host sees of itself. etag is that of the report before, empty for none; if another report came in
// between, this one is sent anew without the condition. It returns what followed, and the ETag for the next report.
func (c *Client) Report(ctx context.Context, hostID string, state directives.ObservedState, etag string) (directives.ObservationResult, string, error) {
	put := Request{
		Method: http.MethodPut, Path: escaped(directivesPath+"/hosts", hostID, "observed_state"), JSON: state, Header: Write{IfMatch: etag}.Header(),
	}
	var result directives.ObservationResult
	answer, err := c.Do(ctx, put, &result)
	if HasStatus(err, http.StatusPreconditionFailed) {
		put.Header = nil
		answer, err = c.Do(ctx, put, &result)
	}
	if err != nil {
		return result, "", err
	}
	return result, answer.ETag(), nil
}

// OrderScrub has a host cleaned by its agent.
func (c *Client) OrderScrub(ctx context.Context, hostID string, order directives.ScrubOrder) (directives.ScrubOrdered, error) {
	return post[directives.ScrubOrdered](ctx, c, escaped(directivesPath+"/hosts", hostID, "scrub_orders"), order)
}

// Keys are the public keys that verify directives.
func (c *Client) Keys(ctx context.Context) (directives.JSONWebKeySet, error) {
	return read[directives.JSONWebKeySet](ctx, c, directivesPath+"/keys", nil)
}
