package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"ringfence/api/client"
	"ringfence/api/grant"
)

// A VNFM asks for a grant. The service is starting and answers 503 first; the client asks again.
func Example() {
	starting := true
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if starting {
			starting = false
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"g1","addResources":[{"resourceDefinitionId":"smf-0","zoneId":"z1"}],"zones":[{"id":"z1","zoneId":"nova:h02"}]}`)
	}))
	defer service.Close()

	c, err := client.New(client.Options{URL: service.URL, Tokens: client.StaticToken("token-of-the-vnfm"), UserAgent: "my-vnfm/1.0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	granted, err := c.CreateGrant(context.Background(), grant.GrantRequest{
		VNFInstanceID: "smf-1", VNFLcmOpOccID: "op-1", VNFDID: "smf", Operation: grant.GrantedLcmOperationTypeINSTANTIATE,
		AddResources: []grant.ResourceDefinition{{ID: "smf-0", Type: grant.ResourceDefinitionTypeOSCONTAINER}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(granted.ID, granted.AddResources[0].ZoneID)
	// Output: g1 z1
}

// A refusal says which rules stood against the request.
func ExampleProblem() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"status":403,"detail":"no host is left","decisionId":"d1","violations":[{"ruleId":"R-ISO","message":"h02 is shared"}]}`)
	}))
	defer service.Close()

	c, err := client.New(client.Options{URL: service.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.CreateGrant(context.Background(), grant.GrantRequest{})
	if problem, is := errors.AsType[*client.Problem](err); is && problem.Refused() {
		for _, violation := range problem.Violations {
			fmt.Println(problem.DecisionID, violation.RuleID, violation.Message)
		}
	}
	// Output: d1 R-ISO h02 is shared
}

// Lists are read page by page, as far as the loop goes.
func ExampleCollection_All() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("nextpage_opaque_marker") == "" {
			w.Header().Set("Link", `</inventory/v1/hosts?nextpage_opaque_marker=m>; rel="next"`)
			fmt.Fprint(w, `[{"id":"h01"},{"id":"h02"}]`)
			return
		}
		fmt.Fprint(w, `[{"id":"h03"}]`)
	}))
	defer service.Close()

	c, err := client.New(client.Options{URL: service.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	for host, err := range c.Hosts().All(context.Background(), client.Filter("nfviPopId", "lon")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(host.ID)
	}
	// Output:
	// h01
	// h02
	// h03
}
