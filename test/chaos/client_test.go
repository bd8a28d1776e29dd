package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// answer is what a client was answered to a grant request.
type answer struct {
	status  int
	grantID string            // of a grant
	hosts   map[string]string // of a grant: resource definition to host
	text    string            // of anything else: what it says
}

func (a *answer) granted() bool { return a.status == http.StatusCreated }
func (a *answer) refused() bool { return a.status == http.StatusForbidden }

// errAgain says that nothing is known of a request but that it may be sent again.
var errAgain = errors.New("ask again")

// asker sends a grant request once. An error is errAgain, or that of the context.
type asker interface {
	ask(ctx context.Context, o *occurrence, attempt int) (answer, error)
}

// attemptTimeout is how long a client waits for one answer before it asks again, elsewhere.
const attemptTimeout = 5 * time.Second

// vnfm asks one replica after the other.
type vnfm struct{ replicas []*replica }

func (v vnfm) ask(ctx context.Context, o *occurrence, attempt int) (answer, error) {
	return post(ctx, v.replicas[attempt%len(v.replicas)].base(), o)
}

// post sends a grant request to one ringfence.
func post(ctx context.Context, base string, o *occurrence) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	status, body, err := send(ctx, http.MethodPost, base+"/grant/v1/grants", o.body)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return answer{}, fmt.Errorf("%w: no answer in time", errAgain)
	case err != nil:
		return answer{}, fmt.Errorf("%w: no connection", errAgain)
	}
	switch status {
	case http.StatusServiceUnavailable:
		var problem struct{ Detail string }
		if err := json.Unmarshal(body, &problem); err != nil || problem.Detail == "" {
			return answer{status: status, text: fmt.Sprintf("a 503 that does not say why: %s", body)}, nil
		}
		return answer{}, fmt.Errorf("%w: 503 %s", errAgain, problem.Detail)
	case http.StatusCreated:
		return readGrant(o, body), nil
	case http.StatusForbidden:
		var refusal struct{ DecisionID string }
		if err := json.Unmarshal(body, &refusal); err != nil || refusal.DecisionID == "" {
			return answer{status: http.StatusInternalServerError, text: fmt.Sprintf("a refusal without a decision: %s", body)}, nil
		}
	}
	return answer{status: status, text: string(body)}, nil
}

// readGrant reads what a 201 says. One that does not say it is no grant.
func readGrant(o *occurrence, body []byte) answer {
	var grant struct {
		ID               string
		AdditionalParams struct {
			Ringfence struct {
				Placements []struct{ ResourceDefinitionID, HostID string }
			}
		}
	}
	unreadable := json.Unmarshal(body, &grant) != nil
	placements := grant.AdditionalParams.Ringfence.Placements
	if unreadable || grant.ID == "" || len(placements) != o.resources {
		return answer{status: http.StatusInternalServerError, text: fmt.Sprintf("an incomplete grant: %s", body)}
	}
	a := answer{status: http.StatusCreated, grantID: grant.ID, hosts: map[string]string{}}
	for _, p := range placements {
		a.hosts[p.ResourceDefinitionID] = p.HostID
	}
	return a
}

// httpClient keeps connections and follows nothing. A connection to a killed process breaks by itself.
var httpClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}

// send sends a request, with a JSON body if there is one.
func send(ctx context.Context, method, address string, body []byte) (status int, answer []byte, err error) {
	contentType := "application/json"
	if method == http.MethodPatch {
		contentType = "application/merge-patch+json"
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// operator asks again until an operation outside of granting is answered with one of the statuses.
func operator(ctx context.Context, method string, address func() string, body any, statuses ...int) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if body == nil {
		data = nil
	}
	for {
		status, answer, err := send(ctx, method, address(), data)
		switch {
		case ctx.Err() != nil:
			return nil, errors.Join(ctx.Err(), err)
		case err == nil && slices.Contains(statuses, status):
			return answer, nil
		case err == nil && status != http.StatusServiceUnavailable:
			return nil, fmt.Errorf("%s %s: %d %s", method, address(), status, answer)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// release lets go of everything that a VNF has reserved. A reservation that is gone already is as good.
func (r *replica) release(ctx context.Context, vnf string) (released int, err error) {
	list, err := operator(ctx, http.MethodGet, func() string {
		return r.base() + "/placement/v1/reservations?filter=" + url.QueryEscape("(eq,vnfInstanceId,"+vnf+")")
	}, nil, http.StatusOK)
	if err != nil {
		return 0, err
	}
	var reservations []struct{ ID string }
	if err := json.Unmarshal(list, &reservations); err != nil {
		return 0, err
	}
	for _, reservation := range reservations {
		_, err := operator(ctx, http.MethodPost, func() string {
			return r.base() + "/placement/v1/reservations/" + url.PathEscape(reservation.ID) + "/release"
		}, map[string]string{"reason": "the round is over"}, http.StatusOK, http.StatusNotFound)
		if err != nil {
			return 0, err
		}
	}
	return len(reservations), nil
}
