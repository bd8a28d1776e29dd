package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/openapi"
)

// subscriber is a callback endpoint that keeps what it is told and holds it to the contract.
type subscriber struct {
	uri    string
	refuse atomic.Bool // answers 503

	mu            sync.Mutex
	got           []object
	user          string
	authorization string
}

func newSubscriber(t *testing.T) *subscriber {
	t.Helper()
	s := &subscriber{}
	doc, err := openapi.Load(openapi.NameNFVPolicy)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.refuse.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		if r.Method != http.MethodPost {
			return
		}
		data, err := io.ReadAll(r.Body)
		var o object
		if err == nil {
			err = json.Unmarshal(data, &o)
		}
		if err == nil {
			err = doc.Components.Schemas[fmt.Sprint(o["notificationType"])].Value.VisitJSON(o)
		}
		if err != nil {
			t.Errorf("notification %s: %v", data, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.user, _, _ = r.BasicAuth()
		s.authorization = r.Header.Get("Authorization")
		s.got = append(s.got, o)
	}))
	t.Cleanup(listener.Close)
	s.uri = listener.URL + "/notify"
	return s
}

func (s *subscriber) told() []object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

func (a *api) subscribe(as string, body object) answer {
	return a.do(call{as: as, method: "POST", path: "/nfvpolicy/v1/subscriptions", body: body})
}

// A subscriber is told of every change that it asked for, in the words of SOL012.
func TestPolicyNotifications(t *testing.T) {
	t.Parallel()
	a, s := newAPI(t), newSubscriber(t)
	created := a.subscribe("auditor", object{
		"callbackUri":    s.uri,
		"authentication": object{"authType": []string{"BASIC"}, "paramsBasic": object{"userName": "ringfence", "password": "secret"}},
	}).want(201)
	sub := created.object()
	self := created.header.Get("Location")
	want := object{"id": sub["id"], "callbackUri": s.uri, "_links": object{"self": object{"href": self}}}
	if diff := cmp.Diff(want, sub); diff != "" || self != a.url+"/nfvpolicy/v1/subscriptions/"+fmt.Sprint(sub["id"]) {
		t.Errorf("subscription at %s:\n%s", self, diff)
	}
	id := a.policy("1.0.0", separation("1.0.0"))
	a.transfer(id, "2.0.0", separation("2.0.0"), yamlPolicy).want(201)
	a.modify(id, object{"activationStatus": "ACTIVATED", "selectedVersion": "2.0.0"}).want(200)
	if _, err := a.notify.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := s.told()
	if len(told) != 4 || s.user != "ringfence" {
		t.Fatalf("%d notifications as %q", len(told), s.user)
	}
	byChange := map[string]object{}
	for _, n := range told {
		byChange[fmt.Sprint(n["changeType"], n["affectedVersion"])] = n
	}
	base := "https://ringfence.example.com/nfvpolicy/v1"
	got := byChange["MODIFY_POLICY2.0.0"]
	if got == nil {
		t.Fatalf("told %v", told)
	}
	if diff := cmp.Diff(object{
		"id": got["id"], "timeStamp": got["timeStamp"], "notificationType": "PolicyChangeNotification", "subscriptionId": sub["id"], "policyId": id,
		"changeType": "MODIFY_POLICY", "affectedVersion": "2.0.0", "previousSelectedVersion": "1.0.0",
		"policyModifications": object{"activationStatus": "ACTIVATED", "selectedVersion": "2.0.0"},
		"_links": object{
			"subscription": object{"href": base + "/subscriptions/" + fmt.Sprint(sub["id"])}, "objectInstance": object{"href": base + "/policies/" + id},
		},
	}, got); diff != "" {
		t.Error(diff)
	}
	if _, ok := byChange["CREATE_POLICY<nil>"]["policyModifications"]; ok || byChange["CREATE_POLICY<nil>"] == nil || byChange["TRANSFER_POLICY1.0.0"] == nil {
		t.Errorf("told %v", told)
	}
}

// Operations staff see what became of notifications, those of all clients and what went wrong.
func TestNotificationDeliveries(t *testing.T) {
	t.Parallel()
	a, s := newAPI(t), newSubscriber(t)
	a.subscribe("auditor", object{"callbackUri": s.uri, "filter": object{"changeTypes": []string{"CREATE_POLICY"}}}).want(201)
	down := newSubscriber(t)
	failing := a.subscribe("approver", object{"callbackUri": down.uri}).want(201).object()
	down.refuse.Store(true)
	id := a.policy("1.0.0", separation("1.0.0"))
	if _, err := a.notify.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := func(filter string) []object {
		return a.do(call{as: "operator", path: "/placement/v1/notification_deliveries" + filter}).want(200).list()
	}
	if all := list(""); len(all) != 3 {
		t.Fatalf("%d deliveries: %v", len(all), all)
	}
	pending := list("?filter=(eq,state,PENDING)%3B(eq,changeType,TRANSFER_POLICY)")
	if len(pending) != 1 {
		t.Fatalf("pending: %v", pending)
	}
	got := pending[0]
	if diff := cmp.Diff(object{
		"id": fmt.Sprint(got["notificationId"], ".", failing["id"]), "state": "PENDING", "notificationId": got["notificationId"],
		"notificationType": "PolicyChangeNotification", "changeType": "TRANSFER_POLICY", "policyIds": []any{id}, "timeStamp": got["timeStamp"],
		"subscriptionId": failing["id"], "clientId": "approver", "callbackUri": down.uri, "attempts": 1.0, "lastError": "answered 503, 204 was expected",
		"nextAttemptAt": got["nextAttemptAt"],
	}, got); diff != "" || got["nextAttemptAt"] == nil {
		t.Error(diff)
	}
	for filter, want := range map[string]int{
		"?filter=(eq,state,DELIVERED)": 1, "?filter=(eq,state,DEAD)": 0, "?filter=(eq,clientId,auditor)": 1, "?filter=(gt,attempts,0)": 3,
		"?filter=(eq,policyIds," + id + ")": 3, "?filter=(cont,lastError,503)": 2, "?filter=(gt,settledAt,2026-01-01T00:00:00Z)": 1,
		"?filter=(in,state,DEAD,DELIVERED)": 1, "?filter=(eq,subscriptionId," + fmt.Sprint(failing["id"]) + ")": 2,
	} {
		if got := list(filter); len(got) != want {
			t.Errorf("%s: %d, want %d", filter, len(got), want)
		}
	}
	a.do(call{as: "operator", path: "/placement/v1/notification_deliveries?filter=(eq,state,LOST)"}).want(200)
	a.do(call{as: "approver", path: "/placement/v1/notification_deliveries"}).problem(403)
}

// A subscription is its client's own, made once, and ends when the client says so.
func TestPolicySubscriptionsLife(t *testing.T) {
	t.Parallel()
	a, s := newAPI(t), newSubscriber(t)
	body := object{"callbackUri": s.uri, "filter": object{"changeTypes": []string{"DELETE_POLICY"}, "policyIds": []string{"p"}}}
	first := a.subscribe("auditor", body).want(201)
	path := "/nfvpolicy/v1/subscriptions/" + fmt.Sprint(first.object()["id"])
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	again := a.with(&client).subscribe("auditor", body).want(303)
	if len(again.body) != 0 || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("again: %s at %s", again.body, again.header.Get("Location"))
	}
	inAnotherOrder := object{"callbackUri": s.uri, "filter": object{"policyIds": []string{"p", "p"}, "changeTypes": []string{"DELETE_POLICY"}}}
	a.with(&client).subscribe("auditor", inAnotherOrder).want(303)
	a.subscribe("approver", body).want(201)
	if list := a.do(call{as: "auditor", path: "/nfvpolicy/v1/subscriptions"}).want(200).list(); len(list) != 1 {
		t.Errorf("the auditor sees %v", list)
	}
	if list := a.do(call{as: "auditor", path: "/nfvpolicy/v1/subscriptions?filter=(eq,filter/policyIds,q)"}).want(200).list(); len(list) != 0 {
		t.Errorf("filtered: %v", list)
	}
	for _, filter := range []string{
		"(eq,id," + fmt.Sprint(first.object()["id"]) + ")", "(cont,callbackUri,/notify)", "(eq,filter/changeTypes,DELETE_POLICY)", "(cont,_links/self/href,subscriptions)",
	} {
		if list := a.do(call{as: "auditor", path: "/nfvpolicy/v1/subscriptions?filter=" + filter}).want(200).list(); len(list) != 1 {
			t.Errorf("%s: %v", filter, list)
		}
	}
	if diff := cmp.Diff(first.object(), a.do(call{as: "auditor", path: path}).want(200).object()); diff != "" {
		t.Error(diff)
	}
	a.do(call{as: "approver", path: path}).problem(404)
	a.do(call{as: "approver", method: "DELETE", path: path}).problem(404)
	a.do(call{as: "auditor", method: "DELETE", path: path}).want(204)
	a.do(call{as: "auditor", path: path}).problem(404)
	a.subscribe("vnfm-a", body).problem(403)
}

// However many ask at the same time, a client has one subscription of a kind.
func TestIdenticalSubscriptionsAtOnce(t *testing.T) {
	t.Parallel()
	a, s := newAPI(t), newSubscriber(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var all sync.WaitGroup
	var made atomic.Int32
	for range 8 {
		all.Go(func() {
			if got := a.with(client).subscribe("auditor", object{"callbackUri": s.uri}); got.status == http.StatusCreated {
				made.Add(1)
			} else if got.status != http.StatusSeeOther {
				t.Errorf("answered %d: %s", got.status, got.body)
			}
		})
	}
	all.Wait()
	if list := a.do(call{as: "auditor", path: "/nfvpolicy/v1/subscriptions"}).want(200).list(); len(list) != 1 || made.Load() != 1 {
		t.Errorf("made %d, kept %d", made.Load(), len(list))
	}
}

// TestNotificationsCarryTokens: a subscription with OAUTH2_CLIENT_CREDENTIALS is told with a token that is asked for with what it has
// been given last; none of that is answered.
func TestNotificationsCarryTokens(t *testing.T) {
	t.Parallel()
	a, s := newAPI(t), newSubscriber(t)
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		_, _ = fmt.Fprintf(w, `{"access_token": "%s.%s", "token_type": "Bearer", "expires_in": 3600}`, id, secret)
	}))
	t.Cleanup(tokens.Close)
	id := a.policy("1.0.0", separation("1.0.0"))
	for n, secret := range []string{"first", "second"} {
		got := a.subscribe("auditor", object{"callbackUri": s.uri, "authentication": object{
			"authType":                      []string{"OAUTH2_CLIENT_CREDENTIALS"},
			"paramsOauth2ClientCredentials": object{"clientId": "me", "clientPassword": secret, "tokenEndpoint": tokens.URL + "/token"},
		}})
		if n == 0 {
			got.want(201)
		}
		if strings.Contains(string(got.body), secret) || strings.Contains(string(got.body), "token") {
			t.Errorf("answered %s", got.body)
		}
		a.transfer(id, fmt.Sprint(n+2), separation(fmt.Sprint(n+2)), yamlPolicy).want(201)
		if _, err := a.notify.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		if want := "Bearer me." + secret; s.authorization != want || len(s.got) != n+1 {
			t.Errorf("told %d times with %q, want %q", len(s.got), s.authorization, want)
		}
		s.mu.Unlock()
	}
}

func TestCallbacksAreChecked(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for uri, status := range map[string]int{
		"http://127.0.0.1:1/nobody": 422, "ftp://127.0.0.1/": 422, "https://user@127.0.0.1/": 422, "http://127.0.0.1/?q": 422, "": 422,
		"https://169.254.169.254/latest/meta-data": 422,
	} {
		a.subscribe("auditor", object{"callbackUri": uri}).problem(status)
	}
	s := newSubscriber(t)
	p := a.subscribe("auditor", object{"callbackUri": s.uri, "authentication": object{"authType": []string{"TLS_CERT"}}}).problem(422)
	if !strings.Contains(fmt.Sprint(p["detail"]), "accepts TLS_CERT alone") {
		t.Errorf("%v", p)
	}
	p = a.subscribe("auditor", object{"callbackUri": s.uri, "authentication": object{"authType": []string{"OAUTH2_CLIENT_CREDENTIALS"}}}).problem(422)
	if fmt.Sprint(pointers(p)) != "[/authentication/paramsOauth2ClientCredentials]" {
		t.Errorf("%v", p)
	}
	p = a.subscribe("auditor", object{"callbackUri": s.uri, "authentication": object{
		"authType":                      []string{"OAUTH2_CLIENT_CREDENTIALS"},
		"paramsOauth2ClientCredentials": object{"clientId": "c", "clientPassword": "s", "tokenEndpoint": "http://127.0.0.1:1/token?x"},
	}}).problem(422)
	if !strings.Contains(fmt.Sprint(p["detail"]), "the token endpoint must not have a query") {
		t.Errorf("%v", p)
	}
	p = a.subscribe("auditor", object{"callbackUri": s.uri, "authentication": object{"authType": []string{"BASIC"}}}).problem(422)
	if fmt.Sprint(pointers(p)) != "[/authentication/paramsBasic]" {
		t.Errorf("%v", p)
	}
}
