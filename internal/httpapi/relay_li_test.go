package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/grant"
	"ringfence/internal/placement"
	"ringfence/test/stub"
)

// TestTwoWorldsBelowAnNFVO: who is not cleared gets the same answers, and the NFVO the same questions, whether what a request names of lawful
// interception is there or not.
func TestTwoWorldsBelowAnNFVO(t *testing.T) {
	t.Parallel()
	ended := func(instance, vnfd string) object {
		end := instantiate(instance, vnfd, "open")
		delete(end, "addResources")
		end["operation"], end["vnfLcmOpOccId"] = "TERMINATE", "op-end-"+instance+"-"+vnfd
		end["removeResources"] = []object{{"id": instance + "-open", "type": "COMPUTE", "vduId": "open"}}
		return end
	}
	answers := map[bool][]string{}
	for _, with := range []bool{false, true} {
		f := newRelayed(t, &stub.NFVO{}, 5*time.Second)
		if with {
			doc := fleet()
			addLI(doc)
			if _, err := f.store.Import(t.Context(), doc, true, placement.EndRules{}, "root", nil); err != nil {
				t.Fatal(err)
			}
			f.grant("root", instantiate("mdf-1", "vnfd-li", "open")).want(201)
		}
		f.nfvo.Decide = func(*http.Request, map[string]any) (int, any) {
			return http.StatusForbidden, object{"detail": "not now"}
		}
		for _, request := range []object{
			instantiate("i1", "vnfd-li", "open"), ended("mdf-1", "vnfd-li"), ended("mdf-1", "vnfd-b"), ended("i2", "vnfd-li"), ended("i2", "vnfd-b"),
		} {
			p := f.grant("vnfm-a", request).problem(403)
			answers[with] = append(answers[with], fmt.Sprintf("%v: %v, asked %d times", p["title"], p["detail"], len(f.nfvo.Asked())))
		}
	}
	if diff := cmp.Diff(answers[false], answers[true]); diff != "" {
		t.Errorf("the worlds (-without +with):\n%s", diff)
	}
	if len(answers[true]) == 0 || answers[true][4] != "Grant refused by the NFVO upstream: Refused by the NFVO upstream: not now, asked 4 times" {
		t.Errorf("the NFVO was not asked as often as it should be: %v", answers[true])
	}
}

// TestClearanceThatEnded: what a client was granted while it was cleared is not told to the NFVO by the request that ends it.
func TestClearanceThatEnded(t *testing.T) {
	t.Parallel()
	f := newRelayed(t, &stub.NFVO{}, 5*time.Second)
	doc := fleet()
	addLI(doc)
	if _, err := f.store.Import(t.Context(), doc, true, placement.EndRules{}, "root", nil); err != nil {
		t.Fatal(err)
	}
	res, err := f.server.Grants.Grant(t.Context(), grant.Ask{ClientID: "vnfm-a", LI: true, Request: placement.GrantRequest{
		VNFInstanceID: "mdf-1", VNFLcmOpOccID: "op-mdf-1", VNFDID: "vnfd-li", Operation: placement.OpInstantiate,
		AddResources: []placement.ResourceDefinition{{ID: "mdf-1-open", Type: placement.ResourceOSContainer, VDUID: "open"}},
	}})
	if err != nil || !res.Granted {
		t.Fatalf("%v %+v", err, res.Decision.Explanation)
	}
	end := instantiate("mdf-1", "vnfd-li", "open")
	delete(end, "addResources")
	end["operation"], end["vnfLcmOpOccId"] = "TERMINATE", "op-end"
	f.grant("vnfm-a", end)
	if asked := f.nfvo.Asked(); len(asked) != 0 {
		t.Errorf("the NFVO was told %v", asked)
	}
}
