package vnfm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ringfence/internal/peer"
	"ringfence/internal/placement"
)

const (
	apiVersion        = "2.0.0" // of /vnflcm/v2: the MAJOR that SOL003 has had since 3.3.1
	subscriptionsPath = "/vnflcm/v2/subscriptions"
	occurrencesPath   = "/vnflcm/v2/vnf_lcm_op_occs"
	notificationType  = "VnfLcmOperationOccurrenceNotification"
	maxID             = 255
)

// unexpected is an answer that does not do.
type unexpected struct {
	what       string
	status     int
	retryAfter time.Duration
}

func (e *unexpected) Error() string { return fmt.Sprintf("%s: answered %d", e.what, e.status) }

func unexpectedly(what string, a *peer.Answer) error {
	return &unexpected{what: what, status: a.Status, retryAfter: a.RetryAfter}
}

// subscribed returns once the VNFM has the subscription: it is there, or is made, anew where it is gone.
func (s *Service) subscribed(ctx context.Context, v *placement.VNFM) error {
	if v.SubscriptionID == "" {
		return s.subscribe(ctx, v)
	}
	a, err := s.caller.Call(ctx, peerOf(v), peer.Request{
		Method: http.MethodGet, Path: subscriptionsPath + "/" + url.PathEscape(v.SubscriptionID), Version: apiVersion,
	})
	switch {
	case err != nil:
		return err
	case a.Status == http.StatusNotFound:
		return s.subscribe(ctx, v)
	case a.Status != http.StatusOK:
		return unexpectedly("to read the subscription", &a)
	}
	return nil
}

// subscribe makes the subscription, after what an attempt that was not recorded may have left behind.
func (s *Service) subscribe(ctx context.Context, v *placement.VNFM) error {
	p := peerOf(v)
	if err := s.deleteLeft(ctx, v); err != nil {
		return err
	}
	cred, err := s.caller.Credentials(p)
	if err != nil {
		return err
	}
	body := map[string]any{
		"filter": map[string]any{"notificationTypes": []string{notificationType}}, "callbackUri": s.settings.CallbackURI,
	}
	auth, err := cred.Subscription()
	if err != nil {
		return errors.New("the secret for its notifications cannot be read")
	}
	if auth != nil {
		body["authentication"] = auth
	}
	a, err := s.caller.Call(ctx, p, peer.Request{Method: http.MethodPost, Path: subscriptionsPath, Version: apiVersion, Body: body})
	switch {
	case err != nil:
		return err
	case a.Status != http.StatusCreated && a.Status != http.StatusSeeOther: // 303: it has an equal one
		return unexpectedly("to subscribe", &a)
	}
	id := a.Location[strings.LastIndex(a.Location, "/")+1:]
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	if !isID(id) {
		return errors.New("to subscribe: the answer has no Location that ends in the id of the subscription")
	}
	v.SubscriptionID = id
	return nil
}

// isID tells whether what a VNFM calls a subscription can be part of a path, and of a record.
func isID(id string) bool {
	return id != "" && id != "." && id != ".." && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' })
}

// unsubscribe deletes the subscription, and what was left behind.
func (s *Service) unsubscribe(ctx context.Context, v *placement.VNFM) error {
	if v.SubscriptionID != "" {
		if err := s.deleteOne(ctx, v, v.SubscriptionID); err != nil {
			return err
		}
	}
	return s.deleteLeft(ctx, v)
}

// deleteLeft deletes subscriptions with the callback of this service: this process, or another one, may have ended between the
// answer of the VNFM and the record of it. A VNFM that does not list its subscriptions is left alone.
func (s *Service) deleteLeft(ctx context.Context, v *placement.VNFM) error {
	a, err := s.caller.Call(ctx, peerOf(v), peer.Request{
		Method: http.MethodGet, Path: subscriptionsPath, Version: apiVersion,
		Query: url.Values{"filter": {"(eq,callbackUri,'" + strings.ReplaceAll(s.settings.CallbackURI, "'", "''") + "')"}},
	})
	switch {
	case err != nil:
		return err
	case slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, a.Status):
		return nil
	case a.Status != http.StatusOK:
		return unexpectedly("to list subscriptions", &a)
	}
	var list []struct {
		ID          string `json:"id"`
		CallbackURI string `json:"callbackUri"`
	}
	if json.Unmarshal(a.Body, &list) != nil {
		return errors.New("to list subscriptions: the answer is no list of subscriptions")
	}
	for i := range list {
		if list[i].CallbackURI != s.settings.CallbackURI || !isID(list[i].ID) || list[i].ID == v.SubscriptionID && v.State == placement.VNFMSubscribed {
			continue
		}
		if err := s.deleteOne(ctx, v, list[i].ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) deleteOne(ctx context.Context, v *placement.VNFM, id string) error {
	a, err := s.caller.Call(ctx, peerOf(v), peer.Request{Method: http.MethodDelete, Path: subscriptionsPath + "/" + url.PathEscape(id), Version: apiVersion})
	if err == nil && a.Status/100 != 2 && a.Status != http.StatusNotFound {
		err = unexpectedly("to delete a subscription", &a)
	}
	return err
}
