package policies

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// InventoryReader reads an inventory document. Ages in it count from now.
type InventoryReader func(content []byte, now time.Time) (*placement.Inventory, []placement.Finding, error)

// testEpoch is when tests are that do not say.
var testEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// demandID is how a test's candidate is called among its world's residencies while that is read.
const demandID = "demand-of-the-test"

// RunTests runs the tests of a policy document that compiles: each in a world of its own, with the policy of the document alone in
// force, as if it were about all VNF instances. The findings are those that fail, at what they expected; ran counts all.
func RunTests(content []byte, read InventoryReader) (ran int, findings []placement.Finding) {
	doc, _ := policy.Parse(content)
	if doc == nil {
		return 0, nil
	}
	set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "policy", Version: doc.PolicyVersion}, Content: content}})
	if err != nil {
		return 0, nil // whoever compiles it for a decision says why
	}
	for i := range doc.Tests {
		t := trial{doc: doc, test: &doc.Tests[i], read: read}
		t.run(set)
		slices.SortStableFunc(t.findings, func(a, b placement.Finding) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		findings = append(findings, t.findings...)
	}
	return len(doc.Tests), findings
}

// trial is one test while it runs.
type trial struct {
	doc      *policy.Document
	test     *policy.Test
	read     InventoryReader
	now      time.Time
	findings []placement.Finding
}

func (t *trial) run(set *policy.Set) {
	t.now = testEpoch
	if text, ok := t.test.Given["now"].(string); ok {
		t.now, _ = time.Parse(time.RFC3339, text) // the schema has looked at it
	}
	inv, demand, ok := t.world()
	if !ok {
		return
	}
	f := fleet.New()
	for _, c := range changesOf(inv) {
		if err := f.Apply(c); err != nil {
			t.fail(policy.CodeTestInvalid, "/given", err.Error())
			return
		}
	}
	_, why := solver.Solve(f.Publish().With(set), &placement.Inputs{
		Request: placement.GrantRequest{VNFInstanceID: demand.Workload.NF.VNFInstanceID, AddResources: []placement.ResourceDefinition{{ID: demandID}}},
		Demands: []placement.Demand{demand}, Now: t.now, ExplainLevel: placement.ExplainFull, ExplainLimit: len(inv.Hosts) + 1,
	})
	if len(why.Demands) == 0 {
		t.fail(policy.CodeTestInvalid, "/given/demand", "it is refused before any host is looked at: "+strings.Join(rulesOf(why.Reasons), ", "))
		return
	}
	t.compare(&why.Demands[0])
}

// world reads the lists of the test as the inventory document that they are, and the candidate as one of its residencies.
func (t *trial) world() (inv *placement.Inventory, demand placement.Demand, ok bool) {
	content, err := json.Marshal(t.document())
	if err == nil {
		var faults []placement.Finding
		if inv, faults, err = t.read(content, t.now); err == nil {
			for _, f := range faults {
				t.fail(policy.CodeTestInvalid, t.placeOf(f.Pointer), f.Message)
			}
		}
	}
	if err != nil {
		t.fail(policy.CodeTestInvalid, "/given", err.Error())
	}
	if len(t.findings) > 0 {
		return nil, demand, false
	}
	last := len(inv.Residencies) - 1
	demand = placement.Demand{ResourceDefinitionIDs: []string{demandID}, Workload: inv.Residencies[last].Workload}
	inv.Residencies = inv.Residencies[:last]
	asked, _ := t.test.Given["demand"].(map[string]any)
	if _, exact := asked["runtime"]; !exact {
		demand.Workload.Runtime = ""
	}
	demand.Workload.AdministersHostPools = texts(asked["administersHostPoolIds"])
	if level, given := asked["isolation"]; given {
		if demand.Isolation, err = placement.ParseIsolation(fmt.Sprint(level)); err != nil {
			t.fail(policy.CodeTestInvalid, "/given/demand/isolation", err.Error())
		}
	}
	t.refer(inv, &demand)
	return inv, demand, len(t.findings) == 0
}

// document is what the test gives, as an inventory document; the candidate is its last residency.
func (t *trial) document() map[string]any {
	doc := map[string]any{"apiVersion": "ringfence/v1", "kind": "Inventory"}
	for name, list := range t.test.Given {
		if name != "now" && name != "demand" {
			doc[name] = list
		}
	}
	asked, _ := t.test.Given["demand"].(map[string]any)
	candidate := maps.Clone(asked)
	delete(candidate, "isolation")
	delete(candidate, "administersHostPoolIds")
	candidate["id"], candidate["hostId"] = demandID, "-"
	if _, exact := candidate["runtime"]; !exact {
		candidate["runtime"] = "-"
	}
	list, _ := t.test.Given["residencies"].([]any)
	doc["residencies"] = append(slices.Clone(list), candidate)
	return doc
}

// placeOf is where in the test stands what a pointer into its inventory document means.
func (t *trial) placeOf(pointer string) string {
	list, _ := t.test.Given["residencies"].([]any)
	if rest, ok := strings.CutPrefix(pointer, fmt.Sprintf("/residencies/%d", len(list))); ok {
		return "/given/demand" + rest
	}
	return "/given" + pointer
}

// refer finds names that the test's own world does not have.
func (t *trial) refer(inv *placement.Inventory, demand *placement.Demand) {
	domains, hosts, runtimes := map[string]bool{}, map[string]bool{}, map[string]bool{"": true}
	for i := range inv.TrustDomains {
		domains[inv.TrustDomains[i].ID] = true
	}
	for i := range inv.Hosts {
		hosts[inv.Hosts[i].ID] = true
	}
	for i := range inv.RuntimeClasses {
		runtimes[inv.RuntimeClasses[i].Name] = true
	}
	known := func(names map[string]bool, name, what, at string) {
		if !names[name] {
			t.fail(policy.CodeTestInvalid, at, fmt.Sprintf("the test has no %s %q", what, name))
		}
	}
	known(domains, demand.Workload.TrustDomainID, "trust domain", "/given/demand")
	known(runtimes, demand.Workload.Runtime, "runtime class", "/given/demand")
	for i := range inv.Residencies {
		r, at := &inv.Residencies[i], fmt.Sprintf("/given/residencies/%d", i)
		known(hosts, r.HostID, "host", at)
		known(runtimes, r.Workload.Runtime, "runtime class", at)
		if r.Kind != placement.ResidencyFabric {
			known(domains, r.Workload.TrustDomainID, "trust domain", at)
		}
	}
	for _, list := range []string{"cache", "reasons"} {
		expected, _ := t.test.Expect[list].(map[string]any)
		for _, id := range slices.Sorted(maps.Keys(expected)) {
			known(hosts, id, "host", "/expect/"+list)
		}
	}
	for i, id := range texts(t.test.Expect["hosts"]) {
		known(hosts, id, "host", fmt.Sprintf("/expect/hosts/%d", i))
	}
}

// compare holds what came out against what was expected.
func (t *trial) compare(got *placement.DemandExplanation) {
	var feasible []string
	modes, reasons := map[string]string{}, map[string][]string{}
	for i := range got.Feasible {
		f := &got.Feasible[i]
		feasible = append(feasible, f.HostID)
		modes[f.HostID] = modesOf(f.Cache)
	}
	for i := range got.Rejected {
		reasons[got.Rejected[i].HostID] = rulesOf(got.Rejected[i].Reasons)
	}
	want := texts(t.test.Expect["hosts"])
	slices.Sort(want)
	slices.Sort(feasible)
	if want = slices.Compact(want); !slices.Equal(want, feasible) {
		t.fail(policy.CodeTestFailed, "/expect/hosts", fmt.Sprintf("expected hosts %s, got %s%s", orNone(want), orNone(feasible), whyNot(want, reasons)))
	}
	cache, _ := t.test.Expect["cache"].(map[string]any)
	for _, host := range slices.Sorted(maps.Keys(cache)) {
		if mode := fmt.Sprint(cache[host]); mode != modes[host] {
			t.fail(policy.CodeTestFailed, "/expect/cache/"+escaped(host), fmt.Sprintf("expected cache mode %s on %s, got %s", mode, host, orNone(nonEmpty(modes[host]))))
		}
	}
	expected, _ := t.test.Expect["reasons"].(map[string]any)
	for _, host := range slices.Sorted(maps.Keys(expected)) {
		if list := texts(expected[host]); !slices.Equal(list, reasons[host]) {
			t.fail(policy.CodeTestFailed, "/expect/reasons/"+escaped(host), fmt.Sprintf("expected of %s %s, got %s", host, orNone(list), orNone(reasons[host])))
		}
	}
}

// fail adds a finding at a place of the test, or where nothing stands there, at what it would be part of.
func (t *trial) fail(code, at, message string) {
	pointer := t.test.Pointer + at
	p := t.doc.Position(pointer)
	for p.Line == 0 {
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
		p = t.doc.Position(pointer)
	}
	t.findings = append(t.findings, placement.Finding{
		Severity: policy.SeverityError, Code: code, Pointer: pointer, Line: p.Line, Column: p.Column, Message: fmt.Sprintf("test %q: %s", t.test.Name, message),
	})
}

// changesOf gives a fleet the records of an inventory.
func changesOf(inv *placement.Inventory) []placement.Change {
	var out []placement.Change
	for i := range inv.TrustDomains {
		out = append(out, placement.Change{Kind: placement.ChangeTrustDomain, ID: inv.TrustDomains[i].ID, TrustDomain: &inv.TrustDomains[i]})
	}
	for i := range inv.TrustRelations {
		r := &inv.TrustRelations[i]
		out = append(out, placement.Change{Kind: placement.ChangeTrustRelation, ID: fleet.RelationID(r.FromID, r.ToID), TrustRelation: r})
	}
	for i := range inv.NFVIPoPs {
		out = append(out, placement.Change{Kind: placement.ChangeNFVIPoP, ID: inv.NFVIPoPs[i].ID, NFVIPoP: &inv.NFVIPoPs[i]})
	}
	for i := range inv.ResourceZones {
		out = append(out, placement.Change{Kind: placement.ChangeResourceZone, ID: inv.ResourceZones[i].ID, ResourceZone: &inv.ResourceZones[i]})
	}
	for i := range inv.HostPools {
		out = append(out, placement.Change{Kind: placement.ChangeHostPool, ID: inv.HostPools[i].ID, HostPool: &inv.HostPools[i]})
	}
	for i := range inv.RuntimeClasses {
		out = append(out, placement.Change{Kind: placement.ChangeRuntimeClass, ID: inv.RuntimeClasses[i].Name, RuntimeClass: &inv.RuntimeClasses[i]})
	}
	for i := range inv.Images {
		out = append(out, placement.Change{Kind: placement.ChangeImage, ID: inv.Images[i].Digest, Image: &inv.Images[i]})
	}
	for i := range inv.Hosts {
		out = append(out, placement.Change{Kind: placement.ChangeHost, ID: inv.Hosts[i].ID, Host: &inv.Hosts[i]})
	}
	for i := range inv.Residencies {
		out = append(out, placement.Change{Kind: placement.ChangeResidency, ID: inv.Residencies[i].ID, Residency: &inv.Residencies[i]})
	}
	for i := range inv.CacheEntries {
		e := &inv.CacheEntries[i]
		out = append(out, placement.Change{Kind: placement.ChangeCacheEntry, ID: e.HostID + "/" + e.Digest, CacheEntry: e})
	}
	return out
}

// rulesOf renders reasons as tests name them.
func rulesOf(reasons []placement.Reason) []string {
	var out []string
	for i := range reasons {
		text := reasons[i].RuleID
		if reasons[i].AgainstID != "" {
			text += "(" + reasons[i].AgainstID + ")"
		}
		out = append(out, text)
	}
	return out
}

// modesOf is the cache mode of all artefacts, or the list of their modes where they differ.
func modesOf(choices []placement.CacheChoice) string {
	var out []string
	for i := range choices {
		out = append(out, choices[i].Mode.String())
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

// whyNot lists what stands against hosts that were expected.
func whyNot(want []string, reasons map[string][]string) string {
	var b strings.Builder
	for _, host := range want {
		if len(reasons[host]) > 0 {
			fmt.Fprintf(&b, "; against %s: %s", host, strings.Join(reasons[host], ", "))
		}
	}
	return b.String()
}

func texts(list any) []string {
	entries, _ := list.([]any)
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// escaped is a name as a token of a JSON pointer.
func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
