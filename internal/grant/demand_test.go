package grant

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func catalogue() *placement.Catalogue {
	cat := placement.NewCatalogue()
	cat.TrustDomains["A"] = placement.TrustDomain{ID: "A"}
	for name, level := range map[string]placement.Isolation{"runc": placement.IsolationOSContainer, "gvisor": placement.IsolationSandbox, "kata": placement.IsolationVM} {
		cat.RuntimeClasses[name] = placement.RuntimeClass{Name: name, Isolation: level}
	}
	cat.VNFProfiles["d"] = placement.VNFProfile{VNFDID: "d", TrustDomainID: "A", Components: []placement.Component{
		{ID: "open"}, {ID: "runc", Runtime: "runc"}, {ID: "vm", Isolation: placement.IsolationVM}, {ID: "lost", Runtime: "nothing"},
	}}
	return cat
}

func pod(id string, components ...string) placement.ResourceDefinition {
	return placement.ResourceDefinition{ID: id, Type: placement.ResourceOSContainer, ResourceTemplateIDs: components}
}

type asks = map[string]placement.ComponentAsk

// summary is what a demand asks of a host, or what of it nobody knows.
func summary(ds []placement.Demand, err error) string {
	if err != nil {
		return "invalid"
	}
	var out []string
	for _, d := range ds {
		line := fmt.Sprintf("%s: %q from %s", strings.Join(d.ResourceDefinitionIDs, " "), d.Workload.Runtime, d.Isolation)
		for i, r := range d.Unknown {
			if i == 0 {
				line = strings.Join(d.ResourceDefinitionIDs, " ") + ":"
			}
			line += " unknown " + r.Params["object"]
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

// TestPodsAndWishes asks for pods of components that want different runtimes, with wishes of then and now.
func TestPodsAndWishes(t *testing.T) {
	t.Parallel()
	vm, sandbox := placement.ComponentAsk{Isolation: placement.IsolationVM}, placement.ComponentAsk{Isolation: placement.IsolationSandbox}
	const named = ", named in additionalParams.ringfence.components"
	for name, c := range map[string]struct {
		pods       [][]string
		remembered asks
		asked      asks
		operation  placement.Operation // SCALE if empty
		want       string
	}{
		"nothing asked":                       {pods: [][]string{{"open"}}, want: `p0: "" from NONE`},
		"equal resources are one demand":      {pods: [][]string{{"runc"}, {"runc"}}, want: `p0 p1: "runc" from NONE`},
		"a runtime below another's floor":     {pods: [][]string{{"runc", "vm"}}, want: `p0: "" from VM`},
		"the other way round":                 {pods: [][]string{{"vm", "runc"}}, want: `p0: "" from VM`},
		"a runtime beside none":               {pods: [][]string{{"open", "runc"}}, want: `p0: "runc" from NONE`},
		"runtimes of two":                     {pods: [][]string{{"runc", "open"}}, asked: asks{"open": {Runtime: "gvisor"}}, want: `p0: "gvisor" from NONE`},
		"remembered":                          {pods: [][]string{{"runc"}}, remembered: asks{"runc": vm}, want: `p0: "" from VM`},
		"remembered, and asked for another":   {pods: [][]string{{"runc"}}, remembered: asks{"runc": vm}, asked: asks{"open": vm}, want: `p0: "" from VM`},
		"remembered is stronger":              {pods: [][]string{{"open"}}, remembered: asks{"open": vm}, asked: asks{"open": sandbox}, want: `p0: "" from VM`},
		"asked is stronger":                   {pods: [][]string{{"open"}}, remembered: asks{"open": sandbox}, asked: asks{"open": vm}, want: `p0: "" from VM`},
		"a runtime remembered is too weak":    {pods: [][]string{{"open"}}, remembered: asks{"open": {Runtime: "gvisor"}}, asked: asks{"open": vm}, want: `p0: "" from VM`},
		"a runtime remembered is stronger":    {pods: [][]string{{"open"}}, remembered: asks{"open": {Runtime: "kata"}}, asked: asks{"open": {Runtime: "runc"}}, want: `p0: "kata" from NONE`},
		"a runtime asked is stronger":         {pods: [][]string{{"open"}}, remembered: asks{"open": {Runtime: "runc"}}, asked: asks{"open": {Runtime: "kata"}}, want: `p0: "kata" from NONE`},
		"a runtime asked is too weak":         {pods: [][]string{{"open"}}, remembered: asks{"open": vm}, asked: asks{"open": {Runtime: "runc"}}, want: "invalid"},
		"an instantiation begins anew":        {pods: [][]string{{"open"}}, remembered: asks{"open": vm}, operation: placement.OpInstantiate, want: `p0: "" from NONE`},
		"a weaker isolation changes nothing":  {pods: [][]string{{"vm"}}, asked: asks{"vm": sandbox}, want: `p0: "" from VM`},
		"a weaker runtime is invalid":         {pods: [][]string{{"vm"}}, asked: asks{"vm": {Runtime: "runc"}}, want: "invalid"},
		"a wish for a component that is none": {pods: [][]string{{"open"}}, asked: asks{"opne": vm}, want: `p0: "" from NONE; : unknown component opne of VNFD d` + named},
		"a runtime that is none": {
			pods: [][]string{{"open"}}, asked: asks{"open": {Runtime: "kat"}}, want: "p0: unknown runtime class kat",
		},
		"a runtime that is none, elsewhere": {
			pods: [][]string{{"runc"}}, asked: asks{"open": {Runtime: "kat"}}, want: `p0: "runc" from NONE; : unknown runtime class kat`,
		},
		"a runtime that is none, beside one": {
			pods: [][]string{{"runc", "open"}}, asked: asks{"open": {Runtime: "kat"}}, want: "p0: unknown runtime class kat",
		},
		"a runtime that is none, over a remembered one": {
			pods: [][]string{{"open"}}, remembered: asks{"open": {Runtime: "kata"}}, asked: asks{"open": {Runtime: "kat"}},
			want: "p0: unknown runtime class kat",
		},
		"a profile's runtime that is none": {pods: [][]string{{"lost", "runc"}}, want: "p0: unknown runtime class nothing"},
		"a component that is none":         {pods: [][]string{{"runc", "x"}}, want: "p0: unknown component x of VNFD d"},
	} {
		req := &placement.GrantRequest{VNFDID: "d", VNFInstanceID: "v", Operation: placement.OpScale, Components: c.asked}
		if c.operation != "" {
			req.Operation = c.operation
		}
		for i, components := range c.pods {
			req.AddResources = append(req.AddResources, pod(fmt.Sprint("p", i), components...))
		}
		if diff := cmp.Diff(c.want, summary(Demands(catalogue(), req, placement.VNFInstanceParams{Components: c.remembered}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestWhatNeedsAProfile asks without resources to place, for a VNFD that is known and for one that is not.
func TestWhatNeedsAProfile(t *testing.T) {
	t.Parallel()
	remove := []placement.ResourceDefinition{{ID: "r", Type: placement.ResourceCompute}}
	for name, c := range map[string]struct {
		req           placement.GrantRequest
		known, unlike string // with a VNFD that is known, and with one that is not
	}{
		"TERMINATE":           {placement.GrantRequest{Operation: placement.OpTerminate}, "", ""},
		"TERMINATE of some":   {placement.GrantRequest{Operation: placement.OpTerminate, RemoveResources: remove}, "", ""},
		"HEAL that removes":   {placement.GrantRequest{Operation: placement.OpHeal, RemoveResources: remove}, "", ""},
		"HEAL that updates":   {placement.GrantRequest{Operation: placement.OpHeal, RemoveResources: remove, UpdateResources: remove}, "", ": unknown VNFD x"},
		"HEAL that adds":      {placement.GrantRequest{Operation: placement.OpHeal, RemoveResources: remove, AddResources: []placement.ResourceDefinition{pod("p", "open")}}, `p: "" from NONE`, "p: unknown VNFD x"},
		"OPERATE":             {placement.GrantRequest{Operation: placement.OpOperate}, "", ": unknown VNFD x"},
		"INSTANTIATE nothing": {placement.GrantRequest{Operation: placement.OpInstantiate}, "", ": unknown VNFD x"},
		"INSTANTIATE a level, listed": {
			placement.GrantRequest{Operation: placement.OpInstantiate, InstantiationLevelID: "il-1", AddResources: []placement.ResourceDefinition{pod("p", "open")}},
			`p: "" from NONE`, "p: unknown VNFD x",
		},
	} {
		for vnfd, want := range map[string]string{"d": c.known, "x": c.unlike} {
			req := c.req
			req.VNFDID = vnfd
			if diff := cmp.Diff(want, summary(Demands(catalogue(), &req, placement.VNFInstanceParams{}))); diff != "" {
				t.Errorf("%s of VNFD %s (-want +got):\n%s", name, vnfd, diff)
			}
		}
	}
}
