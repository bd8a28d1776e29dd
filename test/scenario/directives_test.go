package scenario

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/test/stub"
)

// TestDirectiveFeeds grants and terminates over several hosts and reads the directives in both ways: host by host, gapless
// from the first, and all behind a VIM connection, in the order of each host. Every signature verifies, and no longer does
// when anything is changed.
func TestDirectiveFeeds(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.TackerV2)
	for _, vnf := range []string{"v1", "v2", "v3"} {
		r := instantiate(vnfm, "nf", vnf, "c", ids(8)...)
		r.PlacementConstraints = []stub.PlacementConstraint{apart("NFVI_NODE", ids(8)...)}
		g := d.granted(vnfm, r)
		d.granted(vnfm, terminate(vnfm, r, g))
	}
	nfvi := d.nfvi("n1a", "n1b", "n2a", "n2b", "s1a", "s1b", "s2a", "s2b")
	d.settle(nfvi)
	issued := 0
	for _, host := range []string{"n1a", "n1b", "n2a", "n2b"} {
		issued += len(nfvi.Agent(host).Directives())
	}
	north := d.behind("vim-north", issued)
	keys, err := stub.ReadKeys(t.Context(), d.as("AGENT"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"n1a", "n1b", "n2a", "n2b"} {
		feed := nfvi.Agent(host).Directives()
		var kinds []string
		for _, order := range feed {
			kinds = append(kinds, order.Kind)
			changed := slices.Replace(slices.Clone(order.Text), 0, 1, []byte(`{"x":1,`)...)
			if keys.Verify(changed) == nil {
				t.Errorf("directive %d of %s verifies with one member more", order.Seq, host)
			}
		}
		if !slices.Equal(kinds[:6], []string{"CACHE", "PLACE", "RELEASE", "CACHE", "PLACE", "RELEASE"}) {
			t.Errorf("%s is told %v", host, kinds)
		}
		var seqs, want []int64
		for _, order := range north {
			if order.HostID == host {
				seqs = append(seqs, order.Seq)
			}
		}
		for _, order := range feed {
			want = append(want, order.Seq)
		}
		if diff := cmp.Diff(want, seqs); diff != "" {
			t.Errorf("the feed of the VIM connection has of %s (-want +got):\n%s", host, diff)
		}
	}
	if slices.ContainsFunc(north, func(order stub.Directive) bool { return order.HostID[0] == 's' }) {
		t.Error("the feed of one VIM connection has hosts of another")
	}
	agent := nfvi.Agent("n1a")
	before := agent.State()
	agent.Forget()
	if _, err := agent.Step(t.Context(), 0); err != nil {
		t.Errorf("read again from the beginning: %v", err)
	}
	if diff := cmp.Diff(before, agent.State()); diff != "" {
		t.Errorf("carried out twice (-once +twice):\n%s", diff)
	}
}

// behind reads the feed of a VIM connection until it has given a number of directives, and expects no more.
func (d *deployment) behind(vim string, n int) []stub.Directive {
	d.t.Helper()
	keys, err := stub.ReadKeys(d.t.Context(), d.as("AGENT"))
	if err != nil {
		d.t.Fatal(err)
	}
	var all []stub.Directive
	path := "/directives/v1/directives?wait=20s&vimConnectionId=" + url.QueryEscape(vim)
	for {
		var texts []json.RawMessage
		answer := d.do("AGENT", http.MethodGet, path, nil, &texts)
		for _, text := range texts {
			if err := keys.Verify(text); err != nil {
				d.t.Errorf("%v: %s", err, text)
			}
			var order stub.Directive
			if err := json.Unmarshal(text, &order); err != nil {
				d.t.Fatal(err)
			}
			all = append(all, order)
		}
		if path = nextPage(d.t, answer.Header); path == "" {
			d.t.Fatal("the feed has no Link to go on")
		}
		if len(texts) == 0 || len(all) >= n {
			return all
		}
	}
}

// TestLongPoll waits for a directive that comes while it waits.
func TestLongPoll(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	agent := d.nfvi("h02").Agent("h02")
	type result struct {
		directives int
		err        error
	}
	polled := make(chan result, 1)
	go func() {
		n, err := agent.Step(t.Context(), 30*time.Second)
		polled <- result{n, err}
	}()
	vnfm := d.vnfm(stub.SOL003Containers)
	d.granted(vnfm, instantiate(vnfm, "upf", "upf-2", "pfe", "r0"))
	select {
	case r := <-polled:
		if r.err != nil || r.directives == 0 {
			t.Errorf("%d directives, %v", r.directives, r.err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the poll does not end with the directive")
	}
}

// TestFailedDirective has a host that cannot start what it was told to: the reservation stands until it could.
func TestFailedDirective(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	nfvi, vnfm := d.nfvi("h02"), d.vnfm(stub.SOL003Containers)
	nfvi.Agent("h02").Fail = func(order *stub.Directive) string {
		if order.Kind == "PLACE" {
			return "no free virtual function"
		}
		return ""
	}
	g := d.granted(vnfm, instantiate(vnfm, "upf", "upf-2", "pfe", "r0"))
	d.settle(nfvi)
	d.expectState(g.AddResources[0].ReservationID, "RESERVED")
	place := slices.IndexFunc(nfvi.Agent("h02").Directives(), func(order stub.Directive) bool { return order.Kind == "PLACE" })
	applied := map[string]any{"hostId": "h02", "seq": nfvi.Agent("h02").Directives()[place].Seq, "outcome": "APPLIED"}
	d.do("AGENT", http.MethodPost, "/directives/v1/acks", applied, nil)
	d.expectState(g.AddResources[0].ReservationID, "RUNNING")
	d.do("AGENT", http.MethodPost, "/directives/v1/acks", applied, nil)
	applied["outcome"] = "FAILED"
	_ = d.fail(http.StatusConflict, "AGENT", http.MethodPost, "/directives/v1/acks", applied)
}

// TestPurge raises the form in which an image must lie: what lies there in a weaker one has to go before it comes anew.
func TestPurge(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/cache_entries/x1/"+imageA, map[string]any{"hostId": "x1", "digest": imageA, "mode": "SHARED"}, nil)
	vnfm, nfvi := d.vnfm(stub.SOL003Containers), d.nfvi("x1")
	d.onX1(vnfm, "container")
	d.settle(nfvi)
	orders := nfvi.Agent("x1").Directives()
	if len(orders) != 3 || orders[0].Kind != "PURGE" || !slices.Equal(orders[0].Purge.Digests, []string{imageA}) || orders[1].Kind != "CACHE" || orders[2].Kind != "PLACE" {
		t.Errorf("x1 is told %v", encode(t, orders))
	}
}

// TestLayersInCommon lets a network function with keys come to a host where another lies whose image has a layer in common with
// it: that image goes and comes back as strictly, and stays so for whoever uses it next.
func TestLayersInCommon(t *testing.T) {
	t.Parallel()
	const app, key = "sha256:a4c81f20d95e3b67c1f84a02b7ed5936e81c0fa2b4d963e50f1c98a7d2b569e4", "sha256:b4c81f20d95e3b67c1f84a02b7ed5936e81c0fa2b4d963e50f1c98a7d2b569e4"
	d := startFleet(t, "layers.yaml", "layers.policy.yaml")
	vnfm, nfvi := d.vnfm(stub.SOL003Containers), d.nfvi("x1")
	told := func(vnfd, vnf string) (orders []string) {
		t.Helper()
		before := len(nfvi.Agent("x1").Directives())
		d.granted(vnfm, instantiate(vnfm, vnfd, vnf, "c", "r0"))
		d.settle(nfvi)
		for _, o := range nfvi.Agent("x1").Directives()[before:] {
			switch {
			case o.Cache != nil:
				orders = append(orders, "CACHE "+o.Cache.Digest[7:8]+" "+o.Cache.Mode)
			case o.Purge != nil:
				orders = append(orders, "PURGE "+o.Purge.Digests[0][7:8])
			default:
				orders = append(orders, o.Kind)
			}
		}
		return orders
	}
	for _, step := range []struct {
		vnfd, vnf string
		want      []string
	}{
		{"plain", "plain-1", []string{"CACHE a ENCRYPTED", "PLACE"}},
		{"keys", "keys-1", []string{"PURGE a", "CACHE b NO_STORE", "CACHE a NO_STORE", "PLACE"}},
		{"plain", "plain-2", []string{"CACHE a NO_STORE", "PLACE"}},
	} {
		if diff := cmp.Diff(step.want, told(step.vnfd, step.vnf)); diff != "" {
			t.Errorf("after %s x1 is told (-want +got):\n%s", step.vnf, diff)
		}
		for _, e := range []string{app, key} { // the host has done so
			mode := map[string]string{app: "ENCRYPTED", key: "NO_STORE"}[e]
			if step.vnf != "plain-1" {
				mode = "NO_STORE"
			}
			d.do("OPERATOR", http.MethodPut, "/inventory/v1/cache_entries/x1/"+e, map[string]any{"hostId": "x1", "digest": e, "mode": mode, "trustDomainId": "TD-A"}, nil)
		}
	}
}
