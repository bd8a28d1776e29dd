package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// TestNamesOf gives names only where it cannot matter which of them is whose.
func TestNamesOf(t *testing.T) {
	t.Parallel()
	on := func(rd, component, host string) nameless {
		return nameless{ResourceDefinitionID: rd, ComponentID: component, HostID: host, VIMConnectionID: "vim-1"}
	}
	added := func(component, id string) placement.AddedVNFC {
		return placement.AddedVNFC{ComponentID: component, VIMResourceID: id}
	}
	abroad := placement.AddedVNFC{ComponentID: "a", VIMConnectionID: "vim-2", VIMResourceID: "1"}
	cisNode := on("r2", "a", "h1")
	cisNode.CISNodeID = "node"
	for name, c := range map[string]struct {
		waiting []nameless
		added   []placement.AddedVNFC
		want    map[string]string
	}{
		"one":                    {[]nameless{on("r1", "a", "h1")}, []placement.AddedVNFC{added("a", "1")}, map[string]string{"r1": "1"}},
		"one of each component":  {[]nameless{on("r1", "a", "h1"), on("r2", "b", "h2")}, []placement.AddedVNFC{added("b", "2"), added("a", "1")}, map[string]string{"r1": "1", "r2": "2"}},
		"two on one host":        {[]nameless{on("r1", "a", "h1"), on("r2", "a", "h1")}, []placement.AddedVNFC{added("a", "1"), added("a", "2")}, map[string]string{"r1": "1", "r2": "2"}},
		"two on two hosts":       {[]nameless{on("r1", "a", "h1"), on("r2", "a", "h2")}, []placement.AddedVNFC{added("a", "1"), added("a", "2")}, map[string]string{}},
		"two on two nodes of it": {[]nameless{on("r1", "a", "h1"), cisNode}, []placement.AddedVNFC{added("a", "1"), added("a", "2")}, map[string]string{}},
		"fewer than were asked":  {[]nameless{on("r1", "a", "h1"), on("r2", "a", "h1")}, []placement.AddedVNFC{added("a", "1")}, map[string]string{}},
		"more than were asked":   {[]nameless{on("r1", "a", "h1")}, []placement.AddedVNFC{added("a", "1"), added("a", "2")}, map[string]string{}},
		"of nobody":              {nil, []placement.AddedVNFC{added("a", "1")}, map[string]string{}},
		"behind another VIM":     {[]nameless{on("r1", "a", "h1")}, []placement.AddedVNFC{abroad}, map[string]string{}},
	} {
		if diff := cmp.Diff(c.want, namesOf(c.waiting, c.added)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
