package httpapi_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/notify"
	"ringfence/internal/peer"
	"ringfence/internal/vnfm"
	"ringfence/test/authserver"
	"ringfence/test/pki"
	"ringfence/test/stub"
)

const (
	vnfmsPath   = "/placement/v1/vnfms"
	callbackURI = "https://ringfence.example.com" + lcmNotifications
	secretHere  = "s3cret-of-ringfence"
	secretThere = "s3cret-of-the-vnfm"
)

// followed is a server that subscribes to one VNFM over HTTPS, with tokens of an authorization server and a certificate.
type followed struct {
	*api
	lcm   *stub.Lifecycle
	root  string
	vnfms *vnfm.Service
}

func newFollowed(t *testing.T) *followed {
	t.Helper()
	f := &followed{api: newFleet(t), lcm: &stub.Lifecycle{}}
	ca, dir := pki.New(t, "site"), t.TempDir()
	mine := ca.Issue(t, pki.Leaf{Name: "ringfence"})
	as := authserver.Start(t, ca, "vnfm",
		authserver.Client{ID: "ringfence", Secret: secretHere}, authserver.Client{ID: "vnfm-a", Secret: secretThere})
	f.lcm.Admits = func(r *http.Request) bool {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		id, err := as.Subject(r.Context(), token)
		return err == nil && id == "ringfence" && len(r.TLS.VerifiedChains) > 0 && r.Header.Get("Version") == "2.0.0"
	}
	f.lcm.Reaches = func(ctx context.Context, method string, s *stub.LifecycleSubscription, _ []byte) (int, error) {
		if s.CallbackURI != callbackURI {
			return 0, fmt.Errorf("callback %s", s.CallbackURI)
		}
		params, _ := s.Authentication["paramsOauth2ClientCredentials"].(map[string]any)
		if params["clientId"] != "vnfm-a" || params["clientPassword"] != secretThere || params["tokenEndpoint"] != as.TokenURL {
			return http.StatusUnauthorized, nil
		}
		return f.do(call{as: "vnfm-a", method: method, path: lcmNotifications}).status, ctx.Err()
	}
	listener := httptest.NewUnstartedServer(f.lcm)
	listener.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.Server(t).TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()}
	listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	listener.StartTLS()
	t.Cleanup(listener.Close)
	f.root = listener.URL
	in := func(name string) string { return filepath.Join(dir, name) }
	mine.Write(t, in("cert.pem"), in("key.pem"))
	pki.WriteFile(t, in("ca.pem"), ca.PEM())
	pki.WriteFile(t, in("here"), []byte(secretHere+"\n"))
	pki.WriteFile(t, in("there"), []byte(secretThere+"\n"))
	file, err := json.Marshal(object{"credentials": []object{{
		"name": "lon", "apiRoots": []string{f.root}, "caFile": in("ca.pem"), "certFile": in("cert.pem"), "keyFile": in("key.pem"),
		"oauth2":        object{"tokenEndpoint": as.TokenURL, "clientId": "ringfence", "clientSecretFile": in("here")},
		"notifications": object{"authType": "OAUTH2_CLIENT_CREDENTIALS", "tokenEndpoint": as.TokenURL, "clientId": "vnfm-a", "clientSecretFile": in("there")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	pki.WriteFile(t, in("credentials.json"), file)
	f.vnfms = f.following(in("credentials.json"), &notify.Guard{Developing: true})
	f.server.VNFMs = f.vnfms
	return f
}

// following is another replica's service.
func (f *followed) following(credentials string, guard *notify.Guard) *vnfm.Service {
	f.t.Helper()
	book, err := peer.Load(credentials)
	if err != nil {
		f.t.Fatal(err)
	}
	return vnfm.New(f.store, f.delivery, peer.NewCaller(book, guard), vnfm.Settings{CallbackURI: callbackURI, ReservationTTL: time.Hour}, slog.New(slog.DiscardHandler))
}

func (f *followed) add() object {
	f.t.Helper()
	return f.do(call{as: "operator", method: "POST", path: vnfmsPath, body: object{"id": "lon", "apiRoot": f.root + "/", "clientId": "vnfm-a", "credentials": "lon"}}).want(201).object()
}

// shown is the VNFM after it was looked after, at once.
func (f *followed) shown() object {
	f.t.Helper()
	f.sql(`UPDATE vnfm SET due_at = statement_timestamp()`)
	if !f.vnfms.LookAfter(f.t.Context()) {
		f.t.Fatal("no VNFM was due")
	}
	return f.do(call{as: "auditor", path: vnfmsPath + "/lon"}).want(200).object()
}

func (f *followed) sql(statement string) {
	f.t.Helper()
	conn, err := pgx.Connect(f.t.Context(), f.database)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(f.t.Context()))
	if _, err := conn.Exec(f.t.Context(), statement); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) is(v object, state, reason string) {
	f.t.Helper()
	got, _ := v["reason"].(string)
	if v["state"] != state || !strings.Contains(got, reason) || reason == "" && got != "" {
		f.t.Errorf("state %v, reason %q; want %s, %q", v["state"], got, state, reason)
	}
}

// TestSubscriptionIsKept follows one VNFM: subscribed to, lost, failing, back, unsubscribed from.
func TestSubscriptionIsKept(t *testing.T) {
	t.Parallel()
	f := newFollowed(t)
	f.is(f.add(), "PENDING", "")
	if f.vnfms.LookAfter(t.Context()); f.vnfms.LookAfter(t.Context()) {
		t.Error("a VNFM was due twice")
	}
	v := f.do(call{as: "operator", path: vnfmsPath + "/lon"}).want(200).object()
	f.is(v, "SUBSCRIBED", "")
	subs := f.lcm.Subscriptions()
	if len(subs) != 1 || subs[0].ID != v["subscriptionId"] || fmt.Sprint(subs[0].Filter) != "map[notificationTypes:[VnfLcmOperationOccurrenceNotification]]" {
		t.Errorf("subscribed %v, %v", subs, v)
	}
	if text := fmt.Sprint(v); strings.Contains(text, secretHere) || strings.Contains(text, secretThere) || v["apiRoot"] != f.root {
		t.Errorf("shown %s", text)
	}
	f.is(f.shown(), "SUBSCRIBED", "")
	if len(f.lcm.Subscriptions()) != 1 {
		t.Error("subscribed twice")
	}
	f.lcm.Forget()
	if again := f.shown(); again["subscriptionId"] == v["subscriptionId"] || len(f.lcm.Subscriptions()) != 1 {
		t.Errorf("not renewed: %v", again)
	}
	f.lcm.Answer(func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	failed := f.shown()
	f.is(failed, "FAILED", "answered 503")
	if next, err := time.Parse(time.RFC3339, fmt.Sprint(failed["nextCheckAt"])); err != nil || time.Until(next) < 29*time.Minute {
		t.Errorf("Retry-After was not respected: %v %v", failed["nextCheckAt"], err)
	}
	f.is(f.shown(), "SUBSCRIBED", "")
	f.do(call{as: "operator", method: "DELETE", path: vnfmsPath + "/lon"}).want(204)
	f.do(call{as: "operator", method: "DELETE", path: vnfmsPath + "/lon"}).want(204)
	f.do(call{as: "operator", method: "POST", path: vnfmsPath, body: object{"id": "lon", "apiRoot": f.root, "clientId": "vnfm-a"}}).problem(409)
	f.lcm.Answer(func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	f.is(f.shown(), "UNSUBSCRIBING", "answered 500")
	f.sql(`UPDATE vnfm SET due_at = statement_timestamp()`)
	f.vnfms.LookAfter(t.Context())
	f.do(call{as: "operator", path: vnfmsPath + "/lon"}).problem(404)
	if left := f.lcm.Subscriptions(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSubscriptionAfterACrash: what a process made and did not record is not left behind, and a VNFM that was deleted while it was
// subscribed to is unsubscribed from.
func TestSubscriptionAfterACrash(t *testing.T) {
	t.Parallel()
	f := newFollowed(t)
	f.add()
	f.shown()
	f.sql(`UPDATE vnfm SET subscription_id = '', state = 'PENDING'`) // the record of it was lost
	f.is(f.shown(), "SUBSCRIBED", "")
	if subs := f.lcm.Subscriptions(); len(subs) != 1 {
		t.Errorf("%d subscriptions", len(subs))
	}
	f.sql(`UPDATE vnfm SET claimed_until = statement_timestamp() + interval '1 hour', due_at = statement_timestamp()`)
	if f.vnfms.LookAfter(t.Context()) {
		t.Error("two replicas look after one VNFM")
	}
	f.sql(`UPDATE vnfm SET claimed_until = NULL`)
	f.lcm.Answer(func(w http.ResponseWriter) { // while it is asked
		f.do(call{as: "operator", method: "DELETE", path: vnfmsPath + "/lon"}).want(204)
		w.WriteHeader(http.StatusNotFound)
	})
	f.is(f.shown(), "UNSUBSCRIBING", "")
	f.vnfms.LookAfter(t.Context()) // at once
	if subs := f.lcm.Subscriptions(); len(subs) != 0 {
		t.Errorf("left behind: %v", subs)
	}
}

// TestMissedNotifications: operations whose reservations are about to expire are asked about.
func TestMissedNotifications(t *testing.T) {
	t.Parallel()
	f := newFollowed(t)
	f.add()
	for _, c := range []struct {
		instance, state string
		occurrence      object // over what the VNFM answers; nil: it knows nothing
		want            map[string]any
		prolonged       bool
	}{
		{"failed", "ROLLED_BACK", object{}, map[string]any{}, false},
		{"runs", "PROCESSING", object{}, map[string]any{"runs-open": "RESERVED"}, true},
		{"unknown", "", nil, map[string]any{"unknown-open": "RESERVED"}, false},
		{"strange", "GONE", object{}, map[string]any{"strange-open": "RESERVED"}, false},
		{"another", "ROLLED_BACK", object{"vnfInstanceId": "not-this-one"}, map[string]any{"another-open": "RESERVED"}, false},
		{"done", "COMPLETED", object{}, map[string]any{"done-open": "RUNNING"}, false},
	} {
		f.grant("vnfm-a", instantiate(c.instance, "vnfd-b", "open")).want(201)
		if c.occurrence != nil {
			o := object{
				"id": "op-" + c.instance, "vnfInstanceId": c.instance, "operationState": c.state, "stateEnteredTime": "2026-11-23T10:00:00Z",
				"resourceChanges": object{"affectedVnfcs": []object{{"resourceDefinitionId": c.instance + "-open", "computeResource": object{"resourceId": "server-1"}}}},
			}
			maps.Copy(o, c.occurrence)
			f.lcm.Operation("op-"+c.instance, o)
		}
		before := len(f.lcm.Requests())
		f.shown()
		if asked := f.lcm.Requests()[before:]; len(asked) > 2 {
			t.Errorf("%s: asked although it does not expire soon: %v", c.instance, asked)
		}
		f.sql(`UPDATE residency SET expires_at = statement_timestamp() + interval '5 minutes' WHERE state = 'RESERVED'`)
		f.shown()
		f.holds(c.instance, c.instance, c.want)
		if len(c.want) > 0 && c.want[c.instance+"-open"] == "RESERVED" {
			r := f.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId," + c.instance + ")"}).want(200).list()[0]
			at, err := time.Parse(time.RFC3339, fmt.Sprint(r["expiresAt"]))
			if err != nil || (time.Until(at) > 50*time.Minute) != c.prolonged {
				t.Errorf("%s expires %v (%v)", c.instance, r["expiresAt"], err)
			}
		}
		if c.state != "COMPLETED" {
			f.tell("vnfm-a", event(c.instance, "ROLLED_BACK", nil)).want(204)
		}
	}
}

// TestVNFMsThatAreNotCalled: what does not fit the operator's files is refused, or fails without a call.
func TestVNFMsThatAreNotCalled(t *testing.T) {
	t.Parallel()
	f := newFollowed(t)
	body := func(more object) object {
		o := object{"id": "x", "apiRoot": f.root, "clientId": "vnfm-a", "credentials": "lon"}
		maps.Copy(o, more)
		return o
	}
	for what, more := range map[string]object{
		"unknown credentials": {"credentials": "par"}, "credentials of another": {"apiRoot": "https://127.0.0.1:1"}, "query": {"apiRoot": f.root + "?x=1"},
		"user": {"apiRoot": "https://u:p@vnfm.example.net"}, "file": {"apiRoot": "file:///etc/passwd", "credentials": ""}, "no client": {"clientId": ""},
	} {
		if got := f.do(call{as: "operator", method: "POST", path: vnfmsPath, body: body(more)}); got.status != 422 {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	f.do(call{as: "vnfm-a", method: "POST", path: vnfmsPath, body: body(nil)}).problem(403)
	f.do(call{as: "operator", path: vnfmsPath + "/x"}).problem(404)
	f.do(call{as: "operator", method: "DELETE", path: vnfmsPath + "/x"}).problem(404)

	f.add()
	before := len(f.lcm.Requests())
	f.vnfms = vnfm.New(f.store, f.delivery, peer.NewCaller(&peer.Book{}, &notify.Guard{}), vnfm.Settings{CallbackURI: callbackURI, ReservationTTL: time.Hour}, slog.New(slog.DiscardHandler))
	f.is(f.shown(), "FAILED", "no credentials")
	f.sql(`UPDATE vnfm SET credentials = ''`)
	f.is(f.shown(), "FAILED", "does not allow calls")
	if after := len(f.lcm.Requests()); after != before {
		t.Errorf("%d calls", after-before)
	}
	if list := f.do(call{as: "auditor", path: vnfmsPath + "?filter=(eq,state,FAILED)"}).want(200).list(); len(list) != 1 {
		t.Errorf("listed %v", list)
	}
}
