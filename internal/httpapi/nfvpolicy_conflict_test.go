package httpapi_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/inventory"
	"ringfence/internal/policies"
)

// located is a policy by which everything runs in some countries only.
func located(version, ruleID, params string) string {
	return fmt.Sprintf(`apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "%s"
targetType: COMMON
rules:
  - {id: %s, kind: location, params: %s, rationale: where the law allows it}
`, version, ruleID, params)
}

// A version that contradicts itself is refused; one that contradicts another policy is kept, and not put in force beside it.
func TestContradictionsAreRefused(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	id := a.policy("1", located("1", "R-GB", "{countries: [GB]}"))
	both := located("2", "R-GB", "{countries: [GB]}") + "  - {id: R-IE, kind: location, params: {countries: [IE]}, rationale: r}\n"
	p := a.transfer(id, "2", both, yamlPolicy).problem(422)
	if got := findingsOf(p); !strings.HasPrefix(got, "[ERROR CONTRADICTION 7 [R-IE R-GB] ") {
		t.Errorf("a version that contradicts itself: %s", got)
	}
	a.modify(id, object{"activationStatus": "ACTIVATED"}).want(200)
	other := a.policy("1", located("1", "R-FR", "{countries: [FR]}"))
	p = a.modify(other, object{"activationStatus": "ACTIVATED"}).problem(409)
	if got := findingsOf(p); !strings.HasPrefix(got, "[ERROR POLICY_CONFLICT 6 [R-FR R-GB] ") || !strings.Contains(got, id) {
		t.Errorf("a version that contradicts another policy: %s", got)
	}
	a.transfer(other, "2", located("2", "R-FR", "{countries: [FR, GB]}"), yamlPolicy).want(201)
	a.modify(other, object{"activationStatus": "ACTIVATED", "selectedVersion": "2"}).want(200)
	a.modify(other, object{"selectedVersion": "1"}).problem(409)
	a.modify(id, object{"activationStatus": "DEACTIVATED"}).want(200)
	a.modify(other, object{"selectedVersion": "1"}).want(200)
}

func findingsOf(p object) string {
	var out []string
	list, _ := p["findings"].([]any)
	for _, f := range list {
		f := f.(object)
		out = append(out, fmt.Sprint(f["severity"], " ", f["code"], " ", f["line"], " ", f["ruleIds"], " ", f["message"]))
	}
	return fmt.Sprint(out)
}

// By setting, policies that contradict each other are in force together, and subscribers hear of it.
func TestContradictionsAreTold(t *testing.T) {
	t.Parallel()
	a := newServerWith(t, inventory.Options{AllowFacts: true}, policies.Settings{NotifyConflicts: true})
	a.importFleet()
	s := newSubscriber(t)
	a.subscribe("auditor", object{"callbackUri": s.uri, "filter": object{"notificationTypes": []string{"PolicyConflictNotification"}}}).want(201)
	one, two := a.policy("1", located("1", "R-GB", "{countries: [GB]}")), a.policy("7", located("7", "R-FR", "{countries: [FR]}"))
	a.modify(one, object{"activationStatus": "ACTIVATED"}).want(200)
	a.modify(two, object{"activationStatus": "ACTIVATED"}).want(200)
	if _, err := a.notify.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := s.told()
	if len(told) != 1 {
		t.Fatalf("told %v", told)
	}
	if diff := cmp.Diff([]any{[]any{two, one}, []any{"7", "1"}}, []any{told[0]["policyIds"], told[0]["selectedVersions"]}); diff != "" ||
		!strings.Contains(fmt.Sprint(told[0]["conflictDescription"]), "R-FR contradicts R-GB") {
		t.Errorf("%v\n%s", told[0], diff)
	}
}

// watched is what the metrics are told.
type watched struct{ contradictions, homeless int }

func (w *watched) PolicyConflicts(contradictions, homeless int) {
	w.contradictions, w.homeless = contradictions, homeless
}

// Policies that were agreeable when they were put in force contradict each other once a trust domain has other countries. Subscribers
// hear of it once for as long as it lasts, however many replicas look.
func TestContradictionsThatComeWithTheInventory(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	s := newSubscriber(t)
	a.subscribe("auditor", object{"callbackUri": s.uri, "filter": object{"notificationTypes": []string{"PolicyConflictNotification"}}}).want(201)
	one, two := a.policy("1", located("1", "R-OWN", "{countries: domain}")), a.policy("7", located("7", "R-NOT-IE", "{deny: [IE]}"))
	a.modify(one, object{"activationStatus": "ACTIVATED"}).want(200)
	a.modify(two, object{"activationStatus": "ACTIVATED"}).want(200)
	log := slog.New(slog.DiscardHandler)
	settings := policies.Settings{Now: a.replica.Now}
	var metrics watched
	first, second := policies.NewWatch(a.store, a.replica, settings, &metrics, log), policies.NewWatch(a.store, a.replica, settings, &watched{}, log)
	look := func(want watched, told int) {
		t.Helper()
		if err := a.replica.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, w := range []*policies.Watch{first, second, first} {
			if err := w.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.notify.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.told(); metrics != want || len(got) != told {
			t.Fatalf("metrics %+v, want %+v; told %v, want %d times", metrics, want, got, told)
		}
	}
	countries := func(list ...string) {
		t.Helper()
		a.do(call{
			as: "root", method: "PATCH", path: "/inventory/v1/trust_domains/TD-B", body: object{"allowedCountries": list},
			header: map[string]string{"Content-Type": "application/merge-patch+json"},
		}).want(200)
	}
	look(watched{}, 0)
	countries("IE")
	look(watched{contradictions: 1, homeless: 1}, 1)
	look(watched{contradictions: 1, homeless: 1}, 1)
	told := s.told()[0]
	if ids := fmt.Sprint(told["policyIds"]); !strings.Contains(ids, one) || !strings.Contains(ids, two) || !strings.Contains(fmt.Sprint(told["conflictDescription"]), "TD-B") {
		t.Errorf("told %v", told)
	}
	countries("GB")
	look(watched{}, 1)
	countries("IE")
	look(watched{contradictions: 1, homeless: 1}, 2)
	a.modify(two, object{"activationStatus": "DEACTIVATED"}).want(200)
	look(watched{homeless: 1}, 2) // they may run in IE again, where there is no host
}
