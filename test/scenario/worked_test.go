package scenario

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"ringfence/test/stub"
)

// worked is one worked case: a grant request to the reference deployment, what happens before, and the answer in full. The
// comment of its archive says in words what it shows.
//
//	request.json  the grant request
//	setup         requests that prepare it, two lines each: method and path, and the JSON body
//	answer        GRANT or REFUSE; then a line per host, which names the cache mode that it offers, or every reason against it
//	              as RULE or RULE(resident), in their order
type worked struct {
	request json.RawMessage
	setup   []step
	answer  string
}

type step struct {
	method, path string
	body         json.RawMessage
}

// readCases reads the corpus by the names of its cases.
func readCases(t *testing.T) map[string]worked {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "worked", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]worked{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var c worked
		for _, file := range archive.Files {
			switch file.Name {
			case "request.json":
				c.request = file.Data
			case "setup":
				c.setup = readSteps(t, path, string(file.Data))
			case "answer":
				c.answer = string(file.Data)
			default:
				t.Fatalf("%s: what is %s?", path, file.Name)
			}
		}
		cases[strings.TrimSuffix(filepath.Base(path), ".txtar")] = c
	}
	if len(cases) != 14 {
		t.Fatalf("the corpus has %d cases", len(cases))
	}
	return cases
}

func readSteps(t *testing.T, path, text string) []step {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if text == "" {
		return nil
	}
	var steps []step
	for i := 0; i < len(lines); i += 2 {
		method, target, ok := strings.Cut(lines[i], " ")
		if !ok || i+1 == len(lines) || !json.Valid([]byte(lines[i+1])) {
			t.Fatalf("%s: %q is no step", path, lines[i])
		}
		steps = append(steps, step{method: method, path: target, body: json.RawMessage(lines[i+1])})
	}
	return steps
}

// take makes the request of a step, in the role that it needs.
func (d *deployment) take(s step) {
	d.t.Helper()
	role := "OPERATOR"
	switch {
	case strings.HasSuffix(s.path, "/attestations"):
		role = "VERIFIER"
	case strings.HasSuffix(s.path, "/scrub_records"):
		role = "SCRUBBER"
	}
	d.do(role, s.method, s.path, s.body, nil)
}

// TestWorkedCases asks each case as a dry run, which must come out exactly as the corpus has it, and then for the grant,
// which must choose one of the feasible hosts or name the rules that stand against all of them.
func TestWorkedCases(t *testing.T) {
	t.Parallel()
	for name, c := range readCases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startReference(t)
			for _, s := range c.setup {
				d.take(s)
			}
			made := d.dryRun(c.request)
			if diff := cmp.Diff(c.answer, made.String()); diff != "" {
				t.Fatalf("the dry run (-want +got):\n%s", diff)
			}
			d.checkFunnel(made)
			d.askInEarnest(c.request, made)
		})
	}
}

// askInEarnest asks for the grant that a dry run was about.
func (d *deployment) askInEarnest(text json.RawMessage, made *decision) {
	d.t.Helper()
	vnfm := d.vnfm(stub.SOL003Containers)
	var request stub.GrantRequest
	if err := json.Unmarshal(text, &request); err != nil {
		d.t.Fatal(err)
	}
	grant, err := vnfm.Ask(d.t.Context(), &request)
	if made.Outcome == "GRANT" {
		if err != nil {
			d.t.Fatalf("the dry run grants, and the request is answered: %v", err)
		}
		for id, host := range grant.Hosts() {
			if !slices.Contains(made.feasible(), host) {
				d.t.Errorf("%s is granted on %s, feasible are %v", id, host, made.feasible())
			}
		}
		if held := d.reservations(request.VNFInstanceID); len(held) != 1 || held[0].GrantID != grant.ID || held[0].State != "RESERVED" {
			d.t.Errorf("grant %s holds %+v", grant.ID, held)
		}
		return
	}
	var p *stub.Problem
	if !errors.As(err, &p) || !p.Refused() {
		d.t.Fatalf("the dry run refuses, and the request is answered: %v", err)
	}
	got := map[string]int{}
	for _, v := range p.Violations {
		got[v.RuleID] = v.HostCount
	}
	if diff := cmp.Diff(hostCounts(made), got); diff != "" {
		d.t.Errorf("the violations of the refusal (-want +got):\n%s", diff)
	}
	if held := d.reservations(""); len(held) != 0 {
		d.t.Errorf("a refusal holds %+v", held)
	}
	d.checkDiscretion(p)
}

// hostCounts counts the hosts that carry each rule's reason.
func hostCounts(made *decision) map[string]int {
	counts := map[string]int{}
	for _, host := range made.Explanation.Demands[0].Rejected {
		seen := map[string]bool{}
		for _, r := range host.Reasons {
			if !seen[r.RuleID] {
				counts[r.RuleID]++
			}
			seen[r.RuleID] = true
		}
	}
	return counts
}

// checkDiscretion expects no name of somebody else's workload in what a VNFM reads.
func (d *deployment) checkDiscretion(p *stub.Problem) {
	d.t.Helper()
	said := p.Detail
	for _, v := range p.Violations {
		said += "\n" + v.Message
	}
	for _, resident := range []string{"upf-1", "amf-1", "smf-1", "pcf-1", "nef-1", "ems-1", "du-1"} {
		if strings.Contains(said, resident) {
			d.t.Errorf("a VNFM is told of %s:\n%s", resident, said)
		}
	}
}

// checkFunnel counts the hosts that each rule was the first to remove, from the reasons, and expects the funnel to say so.
func (d *deployment) checkFunnel(made *decision) {
	d.t.Helper()
	e := made.Explanation.Demands[0]
	if e.HostsTotal != len(e.Feasible)+len(e.Rejected) || e.HostsFeasible != len(e.Feasible) {
		d.t.Errorf("%d hosts, %d feasible; %d and %d are listed", e.HostsTotal, e.HostsFeasible, len(e.Rejected), len(e.Feasible))
	}
	first := map[string]int{}
	for _, host := range e.Rejected {
		first[host.Reasons[0].RuleID]++
	}
	got := map[string]int{}
	left := e.HostsTotal
	for _, s := range e.Funnel {
		if s.In != left {
			d.t.Errorf("the funnel loses hosts before %s: %d, then %d", s.RuleID, left, s.In)
		}
		if left = s.Out; s.In > s.Out {
			got[s.RuleID] = s.In - s.Out
		}
	}
	if diff := cmp.Diff(first, got); diff != "" {
		d.t.Errorf("the funnel (-want +got):\n%s", diff)
	}
	if left != e.HostsFeasible {
		d.t.Errorf("the funnel ends with %d hosts of %d feasible ones", left, e.HostsFeasible)
	}
}

// TestWorkedCasesCanFail asks A01 of a deployment in which the first UPF does not run: the answer must not be the corpus'.
func TestWorkedCasesCanFail(t *testing.T) {
	t.Parallel()
	c := readCases(t)["A01"]
	d := startReference(t)
	d.do("OPERATOR", http.MethodDelete, "/inventory/v1/residencies/upf-1.pfe-0", nil, nil)
	made := d.dryRun(c.request)
	if diff := cmp.Diff(c.answer, made.String()); !strings.Contains(diff, "h01") {
		t.Errorf("the answer does not depend on what runs on h01:\n%s", diff)
	}
	for name, damage := range map[string]func(*decision){
		"another mode":     func(m *decision) { m.Explanation.Demands[0].Feasible[0].Cache["*"] = "SHARED" },
		"another resident": func(m *decision) { m.Explanation.Demands[0].Rejected[1].Reasons[2].AgainstID = "smf-2.sig-0" },
		"another order":    func(m *decision) { slices.Reverse(m.Explanation.Demands[0].Rejected[1].Reasons) },
		"a reason less":    func(m *decision) { r := &m.Explanation.Demands[0].Rejected[1]; r.Reasons = r.Reasons[1:] },
		"another outcome":  func(m *decision) { m.Outcome = "REFUSE" },
	} {
		damaged := d.dryRun(c.request)
		damage(damaged)
		if damaged.String() == made.String() {
			t.Errorf("%s is not noticed", name)
		}
	}
}
