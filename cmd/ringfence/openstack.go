package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"ringfence/api/inventory"
)

// openStack is what Nova and Placement behind one VIM connection must be told so that the host pools and trust domains of
// the inventory hold there too.
//
// A host pool becomes a host aggregate that requires the pool's trait. With enable_isolated_aggregate_filtering, Nova keeps
// everything out of it that does not ask for all traits of the aggregate; that is why an aggregate has one trait, the
// pool's, and a trust domain that may use several pools has a flavor for each of them (Nova, Filtering hosts by isolating
// aggregates).
type openStack struct {
	VIMConnectionID   string             `json:"vimConnectionId"`
	Traits            []string           `json:"traits"`
	Aggregates        []hostAggregate    `json:"aggregates"`
	ResourceProviders []resourceProvider `json:"resourceProviders"`
	Flavors           []flavor           `json:"flavors"`
	NotExported       []notExported      `json:"notExported,omitempty"`
}

// hostAggregate is a Nova host aggregate.
type hostAggregate struct {
	Name       string            `json:"name"`
	HostPoolID string            `json:"hostPoolId"`
	Properties map[string]string `json:"properties"`
	Hosts      []string          `json:"hosts"` // as Nova names them
}

// resourceProvider is a compute host in Placement, with the traits that it must have, beside those that it has already.
type resourceProvider struct {
	Name           string   `json:"name"`
	HostID         string   `json:"hostId"`
	ResourceZoneID string   `json:"resourceZoneId"`
	VIMZoneID      string   `json:"vimZoneId"` // what the zoneId of a grant says for it
	Traits         []string `json:"traits"`
}

// flavor is what the flavors for a trust domain in a host pool must require.
type flavor struct {
	TrustDomainID string            `json:"trustDomainId"`
	HostPoolID    string            `json:"hostPoolId"`
	ExtraSpecs    map[string]string `json:"extraSpecs"`
}

// notExported is a host that Nova cannot be told of, and why.
type notExported struct {
	HostID string `json:"hostId"`
	Reason string `json:"reason"`
}

// traitInService is the trait of hosts that take new workloads.
const traitInService = "CUSTOM_RINGFENCE_IN_SERVICE"

// exportOpenStack writes what OpenStack is told.
func exportOpenStack(ctx context.Context, p process, c *client, out *form, connections []string) error {
	resp, err := c.open(ctx, call{Method: http.MethodGet, Path: exportPath, Accept: typeJSON})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var fleet inventory.Inventory
	if err := json.NewDecoder(resp.Body).Decode(&fleet); err != nil {
		return &exitError{exitServer, fmt.Errorf("the export is not complete: %w", err)}
	}
	parts := toOpenStack(&fleet, connections)
	for _, id := range connections {
		if !slices.ContainsFunc(parts, func(o openStack) bool { return o.VIMConnectionID == id }) {
			return &exitError{exitLocal, fmt.Errorf("no host has the VIM connection %q", printable(id))}
		}
	}
	raw, err := json.Marshal(map[string]any{"vimConnections": parts})
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return out.writeObject(p.stdout, raw)
}

// toOpenStack computes what OpenStack is told, one part per VIM connection, ascending. Only connections in the list are
// part of it; none: all that hosts name.
func toOpenStack(fleet *inventory.Inventory, connections []string) []openStack {
	pools := traitNames("CUSTOM_RINGFENCE_POOL_", fleet.HostPools, func(p inventory.HostPool) string { return p.ID })
	domains := traitNames("CUSTOM_RINGFENCE_TD_", fleet.TrustDomains, func(d inventory.TrustDomain) string { return d.ID })
	allowed := map[string][]string{}
	for i := range fleet.HostPools {
		allowed[fleet.HostPools[i].ID] = fleet.HostPools[i].AllowedTrustDomainIDs
	}
	byConnection := map[string][]*inventory.Host{}
	for i := range fleet.Hosts {
		h := &fleet.Hosts[i]
		if h.VIMConnectionID != "" && (len(connections) == 0 || slices.Contains(connections, h.VIMConnectionID)) {
			byConnection[h.VIMConnectionID] = append(byConnection[h.VIMConnectionID], h)
		}
	}
	var out []openStack
	for _, id := range slices.Sorted(maps.Keys(byConnection)) {
		part := openStack{VIMConnectionID: id, Traits: []string{}, Aggregates: []hostAggregate{}, ResourceProviders: []resourceProvider{}, Flavors: []flavor{}}
		part.addHosts(byConnection[id], pools, domains, allowed)
		part.addFlavors(pools, domains, allowed)
		out = append(out, part)
	}
	return out
}

// addHosts adds the hosts with their traits, and the aggregates of their pools.
func (o *openStack) addHosts(hosts []*inventory.Host, pools, domains map[string]string, allowed map[string][]string) {
	members := map[string][]string{}
	for _, h := range hosts {
		name, reason := computeHost(h)
		if reason != "" {
			o.NotExported = append(o.NotExported, notExported{HostID: h.ID, Reason: reason})
			continue
		}
		traits := []string{pools[h.HostPoolID]}
		for _, domain := range allowed[h.HostPoolID] {
			traits = append(traits, domains[domain])
		}
		if h.Lifecycle == inventory.LifecycleINSERVICE {
			traits = append(traits, traitInService)
		}
		slices.Sort(traits)
		o.ResourceProviders = append(o.ResourceProviders, resourceProvider{
			Name: name, HostID: h.ID, ResourceZoneID: h.ResourceZoneID, VIMZoneID: h.VIMZoneID, Traits: traits,
		})
		o.Traits = append(o.Traits, traits...)
		members[h.HostPoolID] = append(members[h.HostPoolID], name)
	}
	for _, pool := range slices.Sorted(maps.Keys(members)) {
		slices.Sort(members[pool])
		o.Aggregates = append(o.Aggregates, hostAggregate{
			Name: "ringfence-" + pool, HostPoolID: pool, Hosts: members[pool], Properties: map[string]string{"trait:" + pools[pool]: "required"},
		})
	}
	slices.SortFunc(o.ResourceProviders, func(a, b resourceProvider) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.HostID, b.HostID))
	})
	slices.SortFunc(o.NotExported, func(a, b notExported) int { return cmp.Compare(a.HostID, b.HostID) })
}

// addFlavors adds a flavor for each trust domain in each of the pools that have hosts here.
func (o *openStack) addFlavors(pools, domains map[string]string, allowed map[string][]string) {
	for i := range o.Aggregates {
		pool := o.Aggregates[i].HostPoolID
		for _, domain := range slices.Sorted(slices.Values(allowed[pool])) {
			o.Flavors = append(o.Flavors, flavor{TrustDomainID: domain, HostPoolID: pool, ExtraSpecs: map[string]string{
				"trait:" + pools[pool]: "required", "trait:" + domains[domain]: "required", "trait:" + traitInService: "required",
			}})
		}
	}
	o.Traits = append(o.Traits, traitInService)
	slices.Sort(o.Traits)
	o.Traits = slices.Compact(o.Traits)
}

// computeHost is the name by which Nova knows a host: what stands behind the colon of a vimZoneId like "nova:compute-7".
func computeHost(h *inventory.Host) (name, reason string) {
	_, name, _ = strings.Cut(h.VIMZoneID, ":")
	switch {
	case h.HostPoolID == "":
		return "", "it belongs to no host pool, so no trust domain may run there; keep it disabled in Nova"
	case name == "":
		return "", "its vimZoneId names no compute host; Nova takes AVAILABILITY_ZONE:HOST, such as nova:compute-7"
	}
	return name, ""
}

// traitNames gives each object a trait of its own. Placement takes upper-case letters, digits and underscores, at most 255
// characters: ids that become the same, or too long, get a digest of the id behind.
func traitNames[T any](prefix string, objects []T, id func(T) string) map[string]string {
	const longest = 255
	plain := func(id string) string {
		return prefix + strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z':
				return r - 'a' + 'A'
			case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
				return r
			}
			return '_'
		}, id)
	}
	users := map[string]int{}
	for _, o := range objects {
		users[plain(id(o))]++
	}
	names := make(map[string]string, len(objects))
	for _, o := range objects {
		name := plain(id(o))
		if users[name] > 1 || len(name) > longest {
			sum := sha256.Sum256([]byte(id(o)))
			digest := strings.ToUpper(hex.EncodeToString(sum[:4]))
			name = name[:min(len(name), longest-1-len(digest))] + "_" + digest
		}
		names[id(o)] = name
	}
	return names
}
