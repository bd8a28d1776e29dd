package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"ringfence/api/nfvpolicy"
)

const (
	policiesPath      = "/nfvpolicy/v1/policies"
	subscriptionsPath = "/nfvpolicy/v1/subscriptions"
)

// Policies lists the policies.
func (c *Client) Policies(ctx context.Context, query url.Values) iter.Seq2[nfvpolicy.Policy, error] {
	return List[nfvpolicy.Policy](ctx, c, policiesPath, query)
}

// Policy reads a policy, and its ETag for ModifyPolicy.
func (c *Client) Policy(ctx context.Context, id string) (policy nfvpolicy.Policy, etag string, err error) {
	answer, err := c.Do(ctx, Request{Path: escaped(policiesPath, id)}, &policy)
	if err != nil {
		return policy, "", err
	}
	return policy, answer.ETag(), nil
}

// CreatePolicy makes a policy without a version.
func (c *Client) CreatePolicy(ctx context.Context, request nfvpolicy.CreatePolicyRequest) (nfvpolicy.Policy, error) {
	return post[nfvpolicy.Policy](ctx, c, policiesPath, request)
}

// ModifyPolicy selects a version, activates or deactivates.
func (c *Client) ModifyPolicy(ctx context.Context, id string, changes nfvpolicy.PolicyModifications, w Write) (nfvpolicy.PolicyModifications, error) {
	var changed nfvpolicy.PolicyModifications
	_, err := c.Do(ctx, Request{Method: http.MethodPatch, Path: escaped(policiesPath, id), Header: w.Header(), JSON: changes}, &changed)
	return changed, err
}

// DeletePolicy removes a policy that is not active.
func (c *Client) DeletePolicy(ctx context.Context, id string, w Write) error {
	_, err := c.Do(ctx, Request{Method: http.MethodDelete, Path: escaped(policiesPath, id), Header: w.Header()}, nil)
	return err
}

// TransferPolicyVersion sends a policy document, as TypeJSON or TypeYAML, as a version of a policy.
func (c *Client) TransferPolicyVersion(ctx context.Context, id, version, contentType string, content []byte) error {
	_, err := c.Do(ctx, Request{
		Method: http.MethodPut, Path: escaped(policiesPath, id, "versions", version), Content: content, ContentType: contentType, Patient: true,
	}, nil)
	return err
}

// PolicyVersion is a document as it was transferred; an empty accept takes the form that it was transferred in.
func (c *Client) PolicyVersion(ctx context.Context, id, version, accept string) (*Response, error) {
	return c.document(ctx, escaped(policiesPath, id, "versions", version), accept)
}

// SelectedPolicyVersion is the document of the selected version; accept is as in PolicyVersion.
func (c *Client) SelectedPolicyVersion(ctx context.Context, id, accept string) (*Response, error) {
	return c.document(ctx, escaped(policiesPath, id, "selected_versions"), accept)
}

func (c *Client) document(ctx context.Context, path, accept string) (*Response, error) {
	if accept == "" {
		accept = "*/*"
	}
	return c.Do(ctx, Request{Path: path, Accept: accept}, nil)
}

// DeletePolicyVersion removes a version that is not selected.
func (c *Client) DeletePolicyVersion(ctx context.Context, id, version string) error {
	return c.remove(ctx, escaped(policiesPath, id, "versions", version))
}

// PolicySubscriptions lists who is told of policies.
func (c *Client) PolicySubscriptions(ctx context.Context, query url.Values) iter.Seq2[nfvpolicy.PolicySubscription, error] {
	return List[nfvpolicy.PolicySubscription](ctx, c, subscriptionsPath, query)
}

// PolicySubscription reads a subscription.
func (c *Client) PolicySubscription(ctx context.Context, id string) (nfvpolicy.PolicySubscription, error) {
	return read[nfvpolicy.PolicySubscription](ctx, c, escaped(subscriptionsPath, id), nil)
}

// CreatePolicySubscription has somebody told of changes of policies. made says whether that is new: an equal subscription is returned
// as it is (303).
func (c *Client) CreatePolicySubscription(ctx context.Context, request nfvpolicy.PolicySubscriptionRequest) (subscription nfvpolicy.PolicySubscription, made bool, err error) {
	_, err = c.Do(ctx, Request{Method: http.MethodPost, Path: subscriptionsPath, JSON: request}, &subscription)
	if !HasStatus(err, http.StatusSeeOther) {
		return subscription, err == nil, err
	}
	subscription, err = c.PolicySubscription(ctx, lastSegment(problemIn(err).Location))
	return subscription, false, err
}

// DeletePolicySubscription ends a subscription.
func (c *Client) DeletePolicySubscription(ctx context.Context, id string) error {
	return c.remove(ctx, escaped(subscriptionsPath, id))
}
