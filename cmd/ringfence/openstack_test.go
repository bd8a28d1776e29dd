package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/api/inventory"
)

// cloud is a fleet with two pools behind vim-lon, one of which two trust domains may use, and a pool elsewhere.
const cloud = `{
	"trustDomains": [{"id": "TD-UP"}, {"id": "TD-CP"}, {"id": "td_cp"}],
	"hostPools": [
		{"id": "core", "allowedTrustDomainIds": ["TD-UP", "TD-CP"]}, {"id": "other", "allowedTrustDomainIds": ["td_cp"]}, {"id": "unused", "allowedTrustDomainIds": ["TD-UP"]}],
	"hosts": [
		{"id": "h2", "hostPoolId": "core", "resourceZoneId": "z1", "vimConnectionId": "vim-lon", "vimZoneId": "nova:compute-2", "lifecycle": "CORDONED"},
		{"id": "h1", "hostPoolId": "core", "resourceZoneId": "z1", "vimConnectionId": "vim-lon", "vimZoneId": "nova:compute-1", "lifecycle": "IN_SERVICE"},
		{"id": "h3", "hostPoolId": "core", "resourceZoneId": "z2", "vimConnectionId": "vim-lon", "vimZoneId": "nova"},
		{"id": "h4", "resourceZoneId": "z2", "vimConnectionId": "vim-lon", "vimZoneId": "nova:compute-4"},
		{"id": "h5", "hostPoolId": "other", "resourceZoneId": "z9", "vimConnectionId": "vim-dub", "vimZoneId": "az:c5", "lifecycle": "IN_SERVICE"},
		{"id": "h6", "hostPoolId": "other", "resourceZoneId": "z9"}]
}`

const forLondon = `vimConnections:
  - vimConnectionId: vim-lon
    traits:
      - CUSTOM_RINGFENCE_IN_SERVICE
      - CUSTOM_RINGFENCE_POOL_CORE
      - CUSTOM_RINGFENCE_TD_TD_CP_4AF9C2B5
      - CUSTOM_RINGFENCE_TD_TD_UP
    aggregates:
      - name: ringfence-core
        hostPoolId: core
        properties:
          trait:CUSTOM_RINGFENCE_POOL_CORE: required
        hosts:
          - compute-1
          - compute-2
    resourceProviders:
      - name: compute-1
        hostId: h1
        resourceZoneId: z1
        vimZoneId: nova:compute-1
        traits:
          - CUSTOM_RINGFENCE_IN_SERVICE
          - CUSTOM_RINGFENCE_POOL_CORE
          - CUSTOM_RINGFENCE_TD_TD_CP_4AF9C2B5
          - CUSTOM_RINGFENCE_TD_TD_UP
      - name: compute-2
        hostId: h2
        resourceZoneId: z1
        vimZoneId: nova:compute-2
        traits:
          - CUSTOM_RINGFENCE_POOL_CORE
          - CUSTOM_RINGFENCE_TD_TD_CP_4AF9C2B5
          - CUSTOM_RINGFENCE_TD_TD_UP
    flavors:
      - trustDomainId: TD-CP
        hostPoolId: core
        extraSpecs:
          trait:CUSTOM_RINGFENCE_IN_SERVICE: required
          trait:CUSTOM_RINGFENCE_POOL_CORE: required
          trait:CUSTOM_RINGFENCE_TD_TD_CP_4AF9C2B5: required
      - trustDomainId: TD-UP
        hostPoolId: core
        extraSpecs:
          trait:CUSTOM_RINGFENCE_IN_SERVICE: required
          trait:CUSTOM_RINGFENCE_POOL_CORE: required
          trait:CUSTOM_RINGFENCE_TD_TD_UP: required
    notExported:
      - hostId: h3
        reason: its vimZoneId names no compute host; Nova takes AVAILABILITY_ZONE:HOST, such as nova:compute-7
      - hostId: h4
        reason: it belongs to no host pool, so no trust domain may run there; keep it disabled in Nova
`

func TestExportForOpenStack(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("GET /inventory/v1/export", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, cloud) })
	got := s.command(t, "", "export", "--format", "openstack", "--vim-connection", "vim-lon")
	if got.code != exitOK {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if diff := cmp.Diff(forLondon, got.stdout); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
	for name, args := range map[string][]string{
		"no host has the VIM connection": {"--format", "openstack", "--vim-connection", "vim-none"},
		"there is no format":             {"--format", "heat"},
		"goes with --format openstack":   {"--vim-connection", "vim-lon"},
	} {
		if got := s.command(t, "", append([]string{"export"}, args...)...); got.code != exitLocal || !strings.Contains(got.stderr, name) {
			t.Errorf("%v: exit code %d, %s", args, got.code, got.stderr)
		}
	}
}

// TestOpenStackKeepsApart holds what Nova does with the export against the inventory: by the rules of isolated aggregates and
// required traits, a flavor reaches exactly the hosts in service of its pool, and only where the pool permits its trust domain.
func TestOpenStackKeepsApart(t *testing.T) {
	t.Parallel()
	var fleet inventory.Inventory
	if err := json.Unmarshal([]byte(cloud), &fleet); err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^CUSTOM_[A-Z0-9_]{1,248}$`)
	var reached []string
	for _, part := range toOpenStack(&fleet, nil) {
		for _, f := range part.Flavors {
			for _, p := range part.ResourceProviders {
				if nova(&part, f.ExtraSpecs, &p) {
					reached = append(reached, f.TrustDomainID+" in "+f.HostPoolID+" on "+p.HostID)
				}
			}
		}
		for _, p := range part.ResourceProviders {
			if nova(&part, nil, &p) {
				t.Errorf("a flavor without traits lands on %s", p.HostID)
			}
		}
		for _, trait := range part.Traits {
			if !name.MatchString(trait) {
				t.Errorf("Placement takes no trait %q", trait)
			}
		}
	}
	want := []string{"td_cp in other on h5", "TD-CP in core on h1", "TD-UP in core on h1"}
	if diff := cmp.Diff(want, reached); diff != "" {
		t.Errorf("who lands where (-want +got):\n%s", diff)
	}
}

// nova tells whether a server with the required traits of its flavor may land on a compute host.
func nova(o *openStack, specs map[string]string, host *resourceProvider) bool {
	for trait := range maps.Keys(specs) {
		if !slices.Contains(host.Traits, strings.TrimPrefix(trait, "trait:")) {
			return false
		}
	}
	for _, aggregate := range o.Aggregates {
		for property := range aggregate.Properties {
			if slices.Contains(aggregate.Hosts, host.Name) && specs[property] != "required" {
				return false
			}
		}
	}
	return true
}
