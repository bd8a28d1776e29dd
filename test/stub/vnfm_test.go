package stub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ringfence/test/stub"
)

// TestAskRepeats lets a service fail in each way that passes, and expects the same bytes until it answers.
func TestAskRepeats(t *testing.T) {
	t.Parallel()
	var bodies []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch bodies = append(bodies, string(body)); len(bodies) {
		case 1:
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"status": 503, "detail": "later"}`)
		case 2:
			panic(http.ErrAbortHandler) // the connection ends without an answer
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"status": 403, "detail": "no", "decisionId": "d"}`)
		}
	}))
	t.Cleanup(service.Close)
	repeats := 0
	vnfm := &stub.VNFM{
		Client: stub.Client{URL: service.URL, HTTP: service.Client()}, Dialect: stub.TackerV1,
		FirstWait: time.Millisecond, MostWait: time.Millisecond, Repeats: func(error) { repeats++ },
	}
	request := vnfm.NewRequest("INSTANTIATE", "vnfd", "vnf")
	_, err := vnfm.Ask(t.Context(), request)
	var problem *stub.Problem
	if !errors.As(err, &problem) || !problem.Refused() {
		t.Fatalf("the answer is %v, not the refusal", err)
	}
	if len(bodies) != 3 || bodies[0] != bodies[1] || bodies[1] != bodies[2] || repeats != 2 {
		t.Errorf("%d repeats sent %q", repeats, bodies)
	}
	var inner string
	if err := json.Unmarshal([]byte(bodies[0]), &inner); err != nil || !strings.Contains(inner, request.VNFLcmOpOccID) {
		t.Errorf("the body is no string that holds the request: %v", err)
	}
}

// TestCheckFinds breaks a grant in every way that the check looks for.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	vnfm := &stub.VNFM{}
	request := vnfm.NewRequest("HEAL", "vnfd", "vnf")
	request.AddResources = []stub.ResourceDefinition{vnfm.Resource("a", "c"), {ID: "port", Type: "LINKPORT"}}
	request.RemoveResources = []stub.ResourceDefinition{vnfm.Resource("b", "c")}
	good := func() *stub.Grant {
		g := &stub.Grant{
			ID: "1d0f4c9e-52a7-4b8e-9f31-6f0c2a7d5e83", VNFInstanceID: "vnf", VNFLcmOpOccID: request.VNFLcmOpOccID,
			Zones: []stub.Zone{{ID: "z", ZoneID: "nova:h", VIMConnectionID: "vim"}},
			AddResources: []stub.GrantInfo{
				{ResourceDefinitionID: "a", ZoneID: "z", VIMConnectionID: "vim", ContainerNamespace: "ns", MCIOConstraints: map[string]any{"node_pool": "p"}},
				{ResourceDefinitionID: "port"},
			},
			RemoveResources: []stub.GrantInfo{{ResourceDefinitionID: "b"}},
			Links: map[string]stub.Link{
				"self":        {Href: "http://r/grant/v1/grants/1d0f4c9e-52a7-4b8e-9f31-6f0c2a7d5e83"},
				"vnfLcmOpOcc": request.Links["vnfLcmOpOcc"], "vnfInstance": request.Links["vnfInstance"],
			},
		}
		g.AdditionalParams.Ringfence.Placements = []stub.Placement{{ResourceDefinitionID: "a", HostID: "h"}}
		return g
	}
	if err := vnfm.Check(request, good()); err != nil {
		t.Fatalf("the good grant: %v", err)
	}
	for name, damage := range map[string]func(*stub.Grant){
		"another order":       func(g *stub.Grant) { g.AddResources[0], g.AddResources[1] = g.AddResources[1], g.AddResources[0] },
		"one less":            func(g *stub.Grant) { g.RemoveResources = nil },
		"one more":            func(g *stub.Grant) { g.UpdateResources = g.RemoveResources },
		"no zone":             func(g *stub.Grant) { g.Zones = nil },
		"another VIM":         func(g *stub.Grant) { g.AddResources[0].VIMConnectionID = "other" },
		"no namespace":        func(g *stub.Grant) { g.AddResources[0].ContainerNamespace = "" },
		"no constraints":      func(g *stub.Grant) { g.AddResources[0].MCIOConstraints = nil },
		"no host":             func(g *stub.Grant) { g.AdditionalParams.Ringfence.Placements = nil },
		"a place for a port":  func(g *stub.Grant) { g.AddResources[1].ZoneID = "z" },
		"a place for the old": func(g *stub.Grant) { g.RemoveResources[0].ZoneID = "z" },
		"another VNF":         func(g *stub.Grant) { g.VNFInstanceID = "other" },
		"an id in capitals":   func(g *stub.Grant) { g.ID = strings.ToUpper(g.ID) },
		"another link":        func(g *stub.Grant) { g.Links["vnfInstance"] = stub.Link{Href: "http://elsewhere"} },
	} {
		g := good()
		damage(g)
		if vnfm.Check(request, g) == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
}
