package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"ringfence/api/common"
)

// read reads a resource.
func read[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var into T
	_, err := c.Do(ctx, Request{Path: path, Query: query}, &into)
	return into, err
}

// post sends a value and reads the answer. It is not repeated.
func post[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	var into T
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: path, JSON: body}, &into)
	return into, err
}

// remove deletes a resource.
func (c *Client) remove(ctx context.Context, path string) error {
	_, err := c.Do(ctx, Request{Method: http.MethodDelete, Path: path}, nil)
	return err
}

// APIVersions are the versions of an API, such as "grant", that the service offers (SOL013).
func (c *Client) APIVersions(ctx context.Context, api string) (common.APIVersionInformation, error) {
	return read[common.APIVersionInformation](ctx, c, escaped("", api, "api_versions"), nil)
}

// PolicySchema is the JSON Schema of policy documents.
func (c *Client) PolicySchema(ctx context.Context) (json.RawMessage, error) {
	var schema json.RawMessage
	_, err := c.Do(ctx, Request{Path: placementPath + "/policy_schema", Accept: "application/schema+json"}, &schema)
	return schema, err
}
