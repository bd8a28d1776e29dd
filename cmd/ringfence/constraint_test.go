package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestConstraint(t *testing.T) {
	t.Parallel()
	s := newService(t)
	const id = "5e0c9a51-7d2b-4c1f-8a36-b94f07e2d6c8"
	of := example(t, "placement", "StandingConstraintOfNs")
	s.json("POST /placement/v1/constraints", 201, of)
	s.json("GET /placement/v1/constraints?filter=%28eq%2CvnfInstanceIds%2Camf-1%29", 200, []any{of})
	s.json("GET /placement/v1/constraints/"+id, 200, of)
	s.on("DELETE /placement/v1/constraints/"+id, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

	ask := []string{"constraint", "add", "--vnf-instance", "amf-1,amf-2", "--ns", "ns-core-lon", "--kind", "ANTI_AFFINITY", "--scope", "ZONE"}
	if got := s.command(t, "", ask...); got.code != exitLocal || !strings.Contains(got.stderr, "--reason") {
		t.Errorf("got %+v", got)
	}
	got := s.command(t, "", append(ask, "--reason", "change 7301")...)
	const sent = `{"kind":"ANTI_AFFINITY","nsInstanceId":"ns-core-lon","reason":"change 7301","scope":"ZONE","vnfInstanceIds":["amf-1","amf-2"]}`
	if got.code != exitOK || s.last().body != sent || !strings.Contains(got.stdout, id+" holds: ANTI_AFFINITY ZONE") {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	if got := s.command(t, "", "constraint", "list", "--vnf-instance", "amf-1", "-o", "wide"); !strings.Contains(got.stdout, "amf-1,amf-2   all          ANTI_AFFINITY ZONE") || !strings.Contains(got.stdout, "ns-core-lon   alice") {
		t.Errorf("got %+v", got)
	}
	if got := s.command(t, "", "constraint", "show", id); !strings.Contains(got.stdout, "must not fail together") || !strings.Contains(got.stdout, "by alice") {
		t.Errorf("got %+v", got)
	}
	if got := s.command(t, "", "constraint", "delete", id); got.code != exitOK || !strings.Contains(got.stdout, "is lifted") {
		t.Errorf("got %+v", got)
	}
}
