package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"ringfence/api/common"
	wire "ringfence/api/nfvpolicy"
	"ringfence/internal/placement"
)

func subscriptionURL(base, id string) string {
	return base + "/nfvpolicy/v1/subscriptions/" + url.PathEscape(id)
}

// names converts a list of a closed vocabulary; nil stays nil.
func names[A, B ~string](list []A) []B {
	if list == nil {
		return nil
	}
	out := make([]B, len(list))
	for i := range list {
		out[i] = B(list[i])
	}
	return out
}

// CreatePolicySubscription subscribes the caller to notifications.
func (a nfvPolicyAPI) CreatePolicySubscription(ctx context.Context, req wire.CreatePolicySubscriptionRequestObject) (wire.CreatePolicySubscriptionResponseObject, error) {
	p, err := subscriptionFromWire(req.Body)
	if err != nil {
		return nil, err
	}
	p.ClientID = actor(ctx)
	p, created, err := a.Subscribers.Subscribe(ctx, p)
	if err != nil {
		return nil, err
	}
	base := a.base(requestOf(ctx))
	location := subscriptionURL(base, p.ID)
	if !created {
		return wire.CreatePolicySubscription303Response{Headers: wire.CreatePolicySubscription303ResponseHeaders{Location: location}}, nil
	}
	return wire.CreatePolicySubscription201JSONResponse{
		Body: subscriptionToWire(&p, base), Headers: wire.CreatePolicySubscription201ResponseHeaders{Location: location},
	}, nil
}

// ListPolicySubscriptions returns a page of the caller's subscriptions.
func (a nfvPolicyAPI) ListPolicySubscriptions(ctx context.Context, req wire.ListPolicySubscriptionsRequestObject) (wire.ListPolicySubscriptionsResponseObject, error) {
	base := a.base(requestOf(ctx))
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.PolicySubscription]{
		read: func(ctx context.Context, page placement.Page) ([]placement.PolicySubscription, error) {
			return a.Subscribers.List(ctx, actor(ctx), page)
		},
		key: func(p *placement.PolicySubscription) string { return p.ID },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListPolicySubscriptions200JSONResponse{
		Body:    mapped(list, func(p *placement.PolicySubscription) wire.PolicySubscription { return subscriptionToWire(p, base) }),
		Headers: wire.ListPolicySubscriptions200ResponseHeaders{Link: link},
	}, nil
}

// GetPolicySubscription returns a subscription of the caller.
func (a nfvPolicyAPI) GetPolicySubscription(ctx context.Context, req wire.GetPolicySubscriptionRequestObject) (wire.GetPolicySubscriptionResponseObject, error) {
	p, err := a.Subscribers.Get(ctx, actor(ctx), req.SubscriptionID)
	if err != nil {
		return nil, err
	}
	return wire.GetPolicySubscription200JSONResponse(subscriptionToWire(&p, a.base(requestOf(ctx)))), nil
}

// DeletePolicySubscription ends a subscription of the caller.
func (a nfvPolicyAPI) DeletePolicySubscription(ctx context.Context, req wire.DeletePolicySubscriptionRequestObject) (wire.DeletePolicySubscriptionResponseObject, error) {
	if err := a.Subscribers.Unsubscribe(ctx, actor(ctx), req.SubscriptionID); err != nil {
		return nil, err
	}
	return wire.DeletePolicySubscription204Response{}, nil
}

func subscriptionFromWire(w *wire.PolicySubscriptionRequest) (placement.PolicySubscription, error) {
	p := placement.PolicySubscription{
		CallbackURI: w.CallbackURI, PolicyIDs: w.Filter.PolicyIDs,
		NotificationTypes: names[wire.PolicyNotificationType, placement.NotificationType](w.Filter.NotificationTypes),
		ChangeTypes:       names[wire.PolicyOperationType, placement.PolicyOperation](w.Filter.ChangeTypes),
	}
	return p, authenticationFromWire(&p, &w.Authentication)
}

// authenticationFromWire takes over how notifications shall show who sends them: each way that is named comes with what it needs.
func authenticationFromWire(p *placement.PolicySubscription, w *wire.SubscriptionAuthentication) error {
	fault := func(pointer, reason string) error {
		q := newProblem(http.StatusUnprocessableEntity, reason)
		q.InvalidParams = []invalidParam{{Pointer: pointer, Reason: reason}}
		return q
	}
	basic, oauth := &w.ParamsBasic, &w.ParamsOauth2ClientCredentials
	for _, t := range w.AuthType {
		switch {
		case t == wire.SubscriptionAuthenticationAuthTypeBASIC && (basic.UserName == "" || basic.Password == ""):
			return fault("/authentication/paramsBasic", "BASIC needs a userName and a password")
		case t == wire.SubscriptionAuthenticationAuthTypeOAUTH2CLIENTCREDENTIALS && (oauth.ClientID == "" || oauth.ClientPassword == "" || oauth.TokenEndpoint == ""):
			return fault("/authentication/paramsOauth2ClientCredentials", "OAUTH2_CLIENT_CREDENTIALS needs a clientId, a clientPassword and a tokenEndpoint")
		case slices.Contains(p.AuthTypes, placement.AuthType(t)):
			continue
		}
		switch p.AuthTypes = append(p.AuthTypes, placement.AuthType(t)); t {
		case wire.SubscriptionAuthenticationAuthTypeBASIC:
			p.UserName, p.Password = basic.UserName, basic.Password
		case wire.SubscriptionAuthenticationAuthTypeOAUTH2CLIENTCREDENTIALS:
			p.TokenEndpoint, p.OAuthClientID, p.OAuthSecret = oauth.TokenEndpoint, oauth.ClientID, oauth.ClientPassword
		case wire.SubscriptionAuthenticationAuthTypeTLSCERT: // the certificate is the service's own
		}
	}
	return nil
}

func subscriptionToWire(p *placement.PolicySubscription, base string) wire.PolicySubscription {
	w := wire.PolicySubscription{ID: p.ID, CallbackURI: p.CallbackURI, Filter: wire.PolicyNotificationsFilter{
		PolicyIDs: p.PolicyIDs, NotificationTypes: names[placement.NotificationType, wire.PolicyNotificationType](p.NotificationTypes),
		ChangeTypes: names[placement.PolicyOperation, wire.PolicyOperationType](p.ChangeTypes),
	}}
	w.Links.Self.Href = subscriptionURL(base, p.ID)
	return w
}

// RenderNotification returns what writes notifications, with links that start with the base URL.
func RenderNotification(base string) func(placement.Delivery) ([]byte, error) {
	return func(d placement.Delivery) ([]byte, error) {
		if d.Event.Type == placement.NotifyPolicyConflict {
			return json.Marshal(conflictNotification(&d, base))
		}
		return json.Marshal(changeNotification(&d, base))
	}
}

func changeNotification(d *placement.Delivery, base string) wire.PolicyChangeNotification {
	e := &d.Event
	w := wire.PolicyChangeNotification{
		ID: e.ID, NotificationType: wire.PolicyNotificationTypePolicyChangeNotification, SubscriptionID: d.Subscription.ID, TimeStamp: e.At,
		PolicyID: e.PolicyIDs[0], ChangeType: wire.PolicyOperationType(e.Operation), PreviousSelectedVersion: e.PreviousSelectedVersion,
	}
	if len(e.Versions) > 0 {
		w.AffectedVersion = e.Versions[0]
	}
	if m := e.Modification; m != nil {
		w.PolicyModifications = wire.PolicyModifications{
			SelectedVersion: m.SelectedVersion, AddAssociations: m.AddAssociations, RemoveAssociations: m.RemoveAssociations,
		}
		if m.Activated != nil {
			w.PolicyModifications.ActivationStatus = activationStatus(&placement.PolicyRecord{Activated: *m.Activated})
		}
	}
	w.Links.Subscription.Href = subscriptionURL(base, d.Subscription.ID)
	if e.Operation != placement.PolicyDeleted || len(e.Versions) > 0 { // what was deleted cannot be read
		w.Links.ObjectInstance.Href = policyURL(base, w.PolicyID)
	}
	return w
}

func conflictNotification(d *placement.Delivery, base string) wire.PolicyConflictNotification {
	e := &d.Event
	w := wire.PolicyConflictNotification{
		ID: e.ID, NotificationType: wire.PolicyNotificationTypePolicyConflictNotification, SubscriptionID: d.Subscription.ID, TimeStamp: e.At,
		PolicyIDs: e.PolicyIDs, SelectedVersions: e.Versions, ConflictDescription: e.Description,
	}
	w.Links.Subscription.Href = subscriptionURL(base, d.Subscription.ID)
	for _, id := range e.PolicyIDs {
		w.Links.ObjectInstances = append(w.Links.ObjectInstances, common.Link{Href: policyURL(base, id)})
	}
	return w
}
