package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	wire "ringfence/api/inventory"
	"ringfence/openapi"
)

func aHost(id string, lifecycle wire.Lifecycle) wire.Host {
	return wire.Host{ID: id, HostPoolID: "pool-up", NFVIPoPID: "LON", ResourceZoneID: "LON-A", Lifecycle: lifecycle, Runtimes: []string{"runc", "kata"}}
}

// Pages are followed by their marker alone, to the address that the operator named.
func TestListFollowsPages(t *testing.T) {
	t.Parallel()
	s := newService(t)
	page := func(next string, hosts ...wire.Host) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if next != "" {
				w.Header().Set("Link", `<https://elsewhere.example.com/prefix/inventory/v1/hosts?nextpage_opaque_marker=`+next+`>; rel="next"`)
			}
			_ = json.NewEncoder(w).Encode(hosts)
		}
	}
	s.on("GET /inventory/v1/hosts?filter=%28eq%2ChostPoolId%2Cpool-up%29", page("two", aHost("h01", "IN_SERVICE"), aHost("h02", "CORDONED")))
	s.on("GET /inventory/v1/hosts?filter=%28eq%2ChostPoolId%2Cpool-up%29&nextpage_opaque_marker=two", page("", aHost("h\x1b[1m03", "")))
	got := s.command(t, "", "host", "list", "--pool", "pool-up")
	if got.code != exitOK {
		t.Errorf("got %+v", got)
	}
	golden(t, "hosts", got.stdout)

	got = s.command(t, "", "host", "list", "--pool", "pool-up", "-o", "json")
	var back []wire.Host
	if err := json.Unmarshal([]byte(got.stdout), &back); err != nil || len(back) != 3 {
		t.Errorf("%d hosts, %v in %s", len(back), err, got.stdout)
	}
}

func TestHostList(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var h wire.Host
	raw, _ := json.Marshal(example(t, openapi.NameInventory, "HostH05"))
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	h.Attestation.AttestedAt = time.Now().Add(-20*time.Minute - 5*time.Second)
	h.Country = "" // its NFVI-PoP says it
	elsewhere := aHost("h06", wire.LifecycleINSERVICE)
	elsewhere.NFVIPoPID, elsewhere.Country = "PAR", "CH"
	s.json("GET /inventory/v1/hosts", http.StatusOK, []wire.Host{h, elsewhere})
	s.json("GET /inventory/v1/nfvi_pops", http.StatusOK, []wire.NFVIPoP{{ID: "LON", Country: "GB"}, {ID: "PAR", Country: "FR"}})
	golden(t, "hosts-wide", s.command(t, "", "host", "list", "-o", "wide").stdout)
	s.json("GET /inventory/v1/hosts/h05", http.StatusOK, h)
	golden(t, "host", s.command(t, "", "host", "show", "h05").stdout)
}

func TestCordon(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		args  []string
		state wire.Lifecycle
		patch string // empty: nothing is changed
		want  result
	}{
		{
			"cordon",
			[]string{"cordon", "h05", "--reason", "firmware"},
			"IN_SERVICE",
			`{"lifecycle":"CORDONED","lifecycleReason":"firmware"}`,
			result{exitOK, "host h05 is CORDONED\n", ""},
		},
		{
			"uncordon",
			[]string{"uncordon", "h05"},
			"CORDONED",
			`{"lifecycle":"IN_SERVICE","lifecycleReason":null}`,
			result{exitOK, "host h05 is IN_SERVICE\n", ""},
		},
		{"new", []string{"uncordon", "h05"}, "", `{"lifecycle":"IN_SERVICE","lifecycleReason":null}`, result{exitOK, "host h05 is IN_SERVICE\n", ""}},
		{"already", []string{"cordon", "h05"}, "CORDONED", "", result{exitOK, "", "host h05 is CORDONED already\n"}},
		{
			"quarantined",
			[]string{"uncordon", "h05"},
			"QUARANTINED", "",
			result{exitServer, "", "ringfence: host h05 is QUARANTINED, so it cannot become IN_SERVICE: only hosts that are CORDONED or REGISTERED can\n"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.json("GET /inventory/v1/hosts/h05", http.StatusOK, aHost("h05", tt.state))
			s.json("PATCH /inventory/v1/hosts/h05", http.StatusOK, aHost("h05", tt.state))
			got := s.command(t, "", append([]string{"host"}, tt.args...)...)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			last := s.last()
			if tt.patch == "" {
				if strings.HasPrefix(last.line, "PATCH") {
					t.Errorf("changed by %s", last.body)
				}
				return
			}
			if last.body != tt.patch || last.header.Get("If-Match") != `"7"` || last.header.Get("Content-Type") != typeMergePatch {
				t.Errorf("sent %s with %v", last.body, last.header)
			}
		})
	}
}

func TestReservations(t *testing.T) {
	t.Parallel()
	s := newService(t)
	reserved, _ := example(t, openapi.NamePlacement, "ReservationReserved").(map[string]any)
	copied := maps.Clone(reserved)
	copied["expiresAt"] = time.Now().Add(5*time.Hour + time.Minute).Format(time.RFC3339)
	s.json("GET /placement/v1/reservations?filter=%28eq%2CvnfInstanceId%2C%27it%27%27s%2C+odd%27%29", http.StatusOK, []any{copied})
	golden(t, "reservations", s.command(t, "", "reservation", "list", "--vnf-instance", "it's, odd").stdout)

	s.json("POST /placement/v1/reservations/r%2F1/release", http.StatusOK, example(t, openapi.NamePlacement, "ReservationReleased"))
	got := s.command(t, "", "reservation", "release", "r/1", "--reason", "ticket 48213")
	if got.code != exitOK || s.last().body != `{"reason":"ticket 48213"}` {
		t.Errorf("got %+v, sent %s", got, s.last().body)
	}
	golden(t, "reservation-released", got.stdout)
}

func TestViolations(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("GET /placement/v1/violations?filter=%28eq%2CruleId%2CR-ISO%29%3B%28eq%2Cstate%2COPEN%29", http.StatusOK, []any{map[string]any{
		"id": "v1", "state": "OPEN", "hostId": "h04", "residencyId": "r1", "vnfInstanceId": "pcf-1", "trustDomainId": "TD-CP", "onViolation": "EVICT",
		"enforcement": "ENFORCED", "eviction": "ORDERED", "evictionOrderedAt": time.Now().Add(-2 * time.Hour).Format(time.RFC3339),
		"policyEpoch": 48, "since": time.Now().Add(-3 * time.Hour).Format(time.RFC3339),
		"reason": map[string]any{"ruleId": "R-ISO", "message": "R-ISO: on host h04 the workload would be isolated at OS_CONTAINER, but VM is needed"},
	}})
	golden(t, "violations", s.command(t, "", "violation", "list", "--rule", "R-ISO", "-o", "wide").stdout)
	s.json("GET /placement/v1/violations?filter=%28eq%2ChostId%2Ch1%29", http.StatusOK, []any{})
	if got := s.command(t, "", "violation", "list", "--host", "h1", "--ended"); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
}

func TestRoughly(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{"90s": 90 * time.Second, "3m": 3 * time.Minute, "26h": 26 * time.Hour, "3d": 73 * time.Hour} {
		if got := roughly(d); got != want {
			t.Errorf("roughly(%s) = %s, want %s", d, got, want)
		}
	}
	now := time.Now()
	if got := fmt.Sprint(expires(now, now.Add(-3*time.Hour)), ",", expires(now, now.Add(3*time.Hour)), ",", expires(now, time.Time{})); got != "3h ago,in 3h," {
		t.Errorf("got %s", got)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("POST /directives/v1/hosts/h11/scrub_orders", http.StatusCreated, map[string]int{"directiveSeq": 7})
	got := s.command(t, "", "host", "scrub", "h11", "--level", "REBOOT", "--device-reset", "--reason", "handed over")
	want := result{exitOK, "host h11 is told to clean itself: REBOOT, directive 7\n", ""}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if body, want := s.last().body, `{"deviceReset":true,"level":"REBOOT","reason":"handed over"}`; body != want {
		t.Errorf("sent %s, want %s", body, want)
	}
}
