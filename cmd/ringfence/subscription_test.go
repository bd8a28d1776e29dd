package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	wire "ringfence/api/nfvpolicy"
	placementapi "ringfence/api/placement"
)

func aSubscription() wire.PolicySubscription {
	s := wire.PolicySubscription{ID: "s1", CallbackURI: "https://soc.example.net/x"}
	s.Filter.ChangeTypes = []wire.PolicyOperationType{wire.PolicyOperationTypeMODIFYPOLICY, wire.PolicyOperationTypeDELETEPOLICY}
	s.Links.Self.Href = "https://ringfence.example.com" + subscriptionsPath + "/s1"
	return s
}

func TestSubscriptionCreate(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("POST "+subscriptionsPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", aSubscription().Links.Self.Href)
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(aSubscription())
	})
	got := s.command(t, "se cret\n", "subscription", "create", "https://soc.example.net/x", "--change", "MODIFY_POLICY", "--change", "DELETE_POLICY",
		"--policy", "p1", "--type", "PolicyChangeNotification", "--user", "me", "--password-file", "-")
	if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "s1             https://soc.example.net/x   all") {
		t.Errorf("%d %s\n%s", got.code, got.stderr, got.stdout)
	}
	want := `{"authentication":{"authType":["BASIC"],"paramsBasic":{"password":"se cret","userName":"me"}},"callbackUri":"https://soc.example.net/x",` +
		`"filter":{"changeTypes":["MODIFY_POLICY","DELETE_POLICY"],"notificationTypes":["PolicyChangeNotification"],"policyIds":["p1"]}}`
	if diff := cmp.Diff(want, s.last().body); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	s.command(t, "", "subscription", "create", "https://soc.example.net/x")
	if got := s.last().body; got != `{"callbackUri":"https://soc.example.net/x"}` {
		t.Errorf("without flags, sent %s", got)
	}
	s.command(t, "se cret\n", "subscription", "create", "https://soc.example.net/x", "--tls-cert", "--token-endpoint", "https://soc.example.net/token",
		"--client-id", "ringfence", "--client-secret-file", "-")
	want = `{"authentication":{"authType":["TLS_CERT","OAUTH2_CLIENT_CREDENTIALS"],"paramsOauth2ClientCredentials":{"clientId":"ringfence",` +
		`"clientPassword":"se cret","tokenEndpoint":"https://soc.example.net/token"}},"callbackUri":"https://soc.example.net/x"}`
	if diff := cmp.Diff(want, s.last().body); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	for _, args := range [][]string{
		{"--token-endpoint", "https://x/"},
		{"--client-id", "c", "--client-secret-file", "-"},
		{"--user", "me", "--password-file", "-", "--token-endpoint", "https://x/", "--client-id", "c", "--client-secret-file", "-"},
		{"--user", "me"},
		{"--password-file", "-"},
		{"--user", "me", "--password-file", filepath.Join(t.TempDir(), "none")},
	} {
		if got := s.command(t, "", append([]string{"subscription", "create", "https://x/"}, args...)...); got.code != exitLocal {
			t.Errorf("%v: %d %s", args, got.code, got.stderr)
		}
	}
}

func TestSubscriptionIsThereAlready(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("POST "+subscriptionsPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", s.url+subscriptionsPath+"/s1")
		w.WriteHeader(http.StatusSeeOther)
	})
	s.json("GET "+subscriptionsPath+"/s1", http.StatusOK, aSubscription())
	got := s.command(t, "", "subscription", "create", "https://soc.example.net/x", "-o", "name")
	if got.code != exitOK || got.stdout != "s1\n" || got.stderr != "subscription s1 is there already\n" {
		t.Errorf("%d %q %q", got.code, got.stdout, got.stderr)
	}
	if auth := s.last().header.Get("Authorization"); auth != "Bearer s3cret" {
		t.Errorf("the second request carries %q", auth)
	}
}

func TestSubscriptionListAndDelete(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("GET "+subscriptionsPath, http.StatusOK, []wire.PolicySubscription{aSubscription()})
	s.on("DELETE "+subscriptionsPath+"/s1", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	want := "SUBSCRIPTION   CALLBACK                    NOTIFICATIONS   CHANGES                       POLICIES\n" +
		"s1             https://soc.example.net/x   all             MODIFY_POLICY,DELETE_POLICY   all\n"
	if got := s.command(t, "", "subscription", "list"); got.code != exitOK || got.stdout != want {
		t.Errorf("%d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := s.command(t, "", "subscription", "delete", "s1"); got.code != exitOK || got.stdout != "subscription s1 is ended\n" {
		t.Errorf("%d %s%s", got.code, got.stdout, got.stderr)
	}
	if got := s.command(t, "", "subscription", "delete", "s1", "s2"); got.code != exitServer {
		t.Errorf("one that is not there: %d %s", got.code, got.stdout)
	}
}

func TestNotificationList(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("GET "+deliveriesPath+"?filter=%28eq%2Cstate%2CDEAD%29%3B%28eq%2CclientId%2Csoc%29", http.StatusOK, []placementapi.NotificationDelivery{{
		ID: "n1.s1", State: placementapi.NotificationDeliveryStateDEAD, NotificationID: "n1", NotificationType: "PolicyChangeNotification",
		ChangeType: "MODIFY_POLICY", PolicyIDs: []string{"p1"}, SubscriptionID: "s1", ClientID: "soc", CallbackURI: "https://soc.example.net/x",
		Attempts: 292, LastError: "answered 503,\x1b[31m 204 was expected",
	}})
	got := s.command(t, "", "notification", "list", "--state", "DEAD", "--client", "soc", "-o", "wide")
	want := "WHEN     STATE   WHAT            POLICIES   CLIENT   TRIED   NEXT     ERROR                                 NOTIFICATION   SUBSCRIPTION   CALLBACK\n" +
		"<none>   DEAD    MODIFY_POLICY   p1         soc      292     <none>   answered 503,\ufffd[31m 204 was expected   n1             s1             https://soc.example.net/x\n"
	if diff := cmp.Diff(want, got.stdout); got.code != exitOK || diff != "" {
		t.Errorf("%d %s\n%s", got.code, got.stderr, diff)
	}
}
