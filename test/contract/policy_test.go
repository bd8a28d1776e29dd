package contract

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"ringfence/deployments/reference"
	"ringfence/test/stub"
)

// TestPolicies holds the resources of policy management to SOL012 3.7.1, through the life of a policy.
func TestPolicies(t *testing.T) {
	t.Parallel()
	folder := definitions(t)
	c := startReference(t)
	doc := document(t, folder, "sol012", "v3.7.1", "PolicyManagement", "PolicyManagement.yaml")
	const one = "/policies/{policyId}"

	created, policy := send(t, c, http.StatusCreated, http.MethodPost, "/nfvpolicy/v1/policies", "1.0.0", []byte(`{"designer": "contract", "name": "contract"}`))
	check(t, "life of a policy", "created", answers(t, doc, "/policies", http.MethodPost, 201), policy)
	path := strings.TrimPrefix(created.Header.Get("Location"), c.URL)
	_, problem := send(t, c, http.StatusNotFound, http.MethodGet, path+"/selected_versions", "1.0.0", nil)
	check(t, "life of a policy", "no version", answers(t, doc, one, http.MethodGet, 404), problem)
	_, problem = send(t, c, http.StatusUnprocessableEntity, http.MethodPost, "/nfvpolicy/v1/policies", "1.0.0", []byte(`{"name": "contract"}`))
	check(t, "life of a policy", "no designer", answers(t, doc, "/policies", http.MethodPost, 422), problem)
	_, problem = send(t, c, http.StatusConflict, http.MethodPatch, path, "1.0.0", []byte(`{"activationStatus": "ACTIVATED"}`))
	check(t, "life of a policy", "nothing to activate", answers(t, doc, one, http.MethodPatch, 409), problem)

	content, err := reference.Files.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Send(t.Context(), http.MethodPut, path+"/versions/1.0.0", http.Header{"Content-Type": {stub.TypeYAML}}, content)
	if err != nil || answer.Status != http.StatusCreated {
		t.Fatalf("transfer: %d, %v: %s", answer.Status, err, answer.Body)
	}
	_, modified := send(t, c, http.StatusOK, http.MethodPatch, path, "1.0.0", []byte(`{"selectedVersion": "1.0.0", "activationStatus": "ACTIVATED"}`))
	check(t, "life of a policy", "modified", answers(t, doc, one, http.MethodPatch, 200), modified)
	_, policy = send(t, c, http.StatusOK, http.MethodGet, path, "1.0.0", nil)
	check(t, "life of a policy", "read", answers(t, doc, one, http.MethodGet, 200), policy)
	_, list := send(t, c, http.StatusOK, http.MethodGet, "/nfvpolicy/v1/policies", "1.0.0", nil)
	check(t, "life of a policy", "listed", answers(t, doc, "/policies", http.MethodGet, 200), list)
	selected, err := c.Send(t.Context(), http.MethodGet, path+"/selected_versions", nil, nil)
	if err != nil || string(selected.Body) != string(content) {
		t.Errorf("the selected version is not the one that was transferred: %v", err)
	}

	var broken map[string]any
	text, err := json.Marshal(policy)
	if err == nil {
		err = json.Unmarshal(text, &broken)
	}
	if err != nil {
		t.Fatal(err)
	}
	broken["transferStatus"] = "LOST"
	if answers(t, doc, one, http.MethodGet, 200).VisitJSON(broken) == nil {
		t.Error("the definition takes a policy whose content is LOST")
	}
}
