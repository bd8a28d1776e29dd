package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ringfence/api/grant"
)

const (
	grantsPath = "/grant/v1/grants"
	// grantVersion asks for the form of grants that the wire types have.
	grantVersion = "1.12.0"
	// pollPause is the first pause between two looks at a grant that is not decided yet, and longestPoll the last.
	pollPause   = 250 * time.Millisecond
	longestPoll = 5 * time.Second
)

// CreateGrant asks for a grant, and where the service takes the request and decides later, waits for the decision. A refusal is a
// *Problem that says Refused. The request may be sent several times: with the same VNF LCM operation occurrence and the same body it
// is the same question, so that there is one grant however often an answer was lost.
func (c *Client) CreateGrant(ctx context.Context, request grant.GrantRequest) (grant.Grant, error) {
	var granted grant.Grant
	body, err := json.Marshal(request)
	if err != nil {
		return granted, fmt.Errorf("write the request: %w", err)
	}
	answer, err := c.SendGrantRequest(ctx, body)
	if err != nil {
		return granted, err
	}
	if err := json.Unmarshal(answer.Body, &granted); err != nil {
		return granted, fmt.Errorf("the grant is not what the API says: %w", err)
	}
	return granted, nil
}

// SendGrantRequest is CreateGrant for a request that is written as JSON already. The body of the answer is the grant.
func (c *Client) SendGrantRequest(ctx context.Context, request []byte) (*Response, error) {
	answer, err := c.Do(ctx, Request{
		Method: http.MethodPost, Path: grantsPath, Header: grantHeader(), Content: request, ContentType: TypeJSON, Idempotent: true,
	}, nil)
	if err != nil || answer.Status != http.StatusAccepted {
		return answer, err
	}
	id := lastSegment(answer.Header.Get("Location"))
	if id == "" {
		return nil, errors.New("the service decides later and does not say where: its answer has no Location")
	}
	read := Request{Path: escaped(grantsPath, id), Header: grantHeader()}
	for pause := pollPause; ; pause = min(2*pause, longestPoll) {
		if !sleep(ctx, pause) {
			return nil, errors.Join(read.unanswered(errUndecided), ctx.Err())
		}
		if answer, err = c.Do(ctx, read, nil); err != nil || answer.Status != http.StatusAccepted {
			return answer, err
		}
	}
}

// errUndecided says that time was over before there was a decision.
var errUndecided = errors.New("the request was taken and is not decided yet")

// Grant reads a grant. It is not decided while the service still works on the request.
func (c *Client) Grant(ctx context.Context, id string) (granted grant.Grant, decided bool, err error) {
	answer, err := c.Do(ctx, Request{Path: escaped(grantsPath, id), Header: grantHeader()}, &granted)
	return granted, err == nil && answer.Status == http.StatusOK, err
}

func grantHeader() http.Header { return http.Header{"Version": {grantVersion}} }
