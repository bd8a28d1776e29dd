package scenario

import (
	"strings"
	"testing"
	"time"

	"ringfence/test/stub"
)

// unsettled is a violation of a directive as the scenario looks at it.
type unsettled struct {
	HostID, Object string
	Reason         struct{ RuleID, Message string }
}

// TestDirectivesThatAreNotCarriedOut has a host fail at what it is told, and then not answer any more: both are listed with what to do
// about it, and end with the answer.
func TestDirectivesThatAreNotCarriedOut(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml", "--directive-overdue-after", "1ms")
	open := func() (out []unsettled) {
		return list[unsettled](d, "AUDITOR", "/placement/v1/violations?filter=(eq,source,DIRECTIVES);(eq,state,OPEN)")
	}
	vnfm := d.vnfm(stub.SOL003Containers)
	request, grant, _ := d.onX1(vnfm, "container")
	nfvi := d.nfvi("x1")
	failing := nfvi.Agent("x1")
	failing.Fail = func(order *stub.Directive) string {
		if order.Kind == "CACHE" {
			return "no space left"
		}
		return ""
	}
	if _, err := failing.Step(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the failure is recorded", func() bool {
		found := open()
		for _, v := range found {
			if v.HostID != "x1" || v.Reason.RuleID != "DIRECTIVE-FAILED" || !strings.Contains(v.Reason.Message, "(CACHE); it says: no space left") {
				return false
			}
		}
		return len(found) > 0
	})
	good := d.nfvi("x1").Agent("x1") // another one, with the disk of the first
	if _, err := good.Step(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the failure ends with the next answer", func() bool { return len(open()) == 0 })

	d.granted(vnfm, terminate(vnfm, request, grant))
	eventually(t, 20*time.Second, "the silence is recorded", func() bool {
		found := open()
		return len(found) > 0 && found[0].Reason.RuleID == "DIRECTIVE-OVERDUE" && strings.Contains(found[0].Reason.Message, "host x1 has not acknowledged directive")
	})
	d.settle(d.nfvi("x1"))
	eventually(t, 20*time.Second, "the silence ends with the next answer", func() bool { return len(open()) == 0 })
}
