package httpapi_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// decideQueued decides what is queued from now on until the test ends.
func (a *api) decideQueued() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.t.Context()))
	var done sync.WaitGroup
	done.Go(func() {
		if err := a.grants.RunPending(ctx, func() {}); err != nil {
			a.t.Error(err)
		}
	})
	a.t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

// polled reads a grant as a client that polls does, until it is decided.
func (a *api) polled(location string) answer {
	a.t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		got := a.do(call{as: "vnfm-polls", path: strings.TrimPrefix(location, a.url)})
		if got.status != 202 {
			return got
		}
		if len(got.body) > 0 {
			a.t.Errorf("202 with the body %s", got.body)
		}
		select {
		case <-poll.C:
		case <-a.t.Context().Done():
			a.t.Fatal("not decided in time")
		}
	}
}

// TestPolledGrants asks as a client that polls. What is taken waits over a restart: nobody decides when the first request comes.
func TestPolledGrants(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := instantiate("i1", "vnfd-b", "open")
	taken := a.grant("vnfm-polls", request).want(202)
	location := taken.header.Get("Location")
	if len(taken.body) > 0 || !strings.HasPrefix(location, a.url+"/grant/v1/grants/") {
		t.Fatalf("202 with Location %q and the body %s", location, taken.body)
	}
	path := strings.TrimPrefix(location, a.url)
	a.do(call{as: "vnfm-polls", path: path}).want(202)
	a.do(call{as: "vnfm-a", path: path}).problem(404)
	if again := a.grant("vnfm-polls", request).want(202).header.Get("Location"); again != location {
		t.Errorf("asked again: %s, want %s", again, location)
	}
	a.holds("taken", "i1", map[string]any{})
	a.decideQueued()
	g := a.polled(location).want(200).object()
	if !strings.HasSuffix(location, fmt.Sprint("/", g["id"])) {
		t.Errorf("grant %v at %s", g["id"], location)
	}
	a.holds("decided", "i1", map[string]any{"i1-open": "RESERVED"})
	if again := a.grant("vnfm-polls", request).want(202).header.Get("Location"); again != location {
		t.Errorf("asked once more: %s, want %s", again, location)
	}

	refused := a.polled(a.grant("vnfm-polls", instantiate("i2", "vnfd-b", "big")).want(202).header.Get("Location")).problem(403)
	if refused["decisionId"] == nil || refused["violations"] == nil {
		t.Errorf("refused with %v", refused)
	}
	strict := fleet().VNFProfiles[1]
	strict.VNFDID, strict.Components = "vnfd-strict", []placement.Component{{ID: "plain", Runtime: "kata"}}
	if _, _, err := a.store.PutVNFProfile(t.Context(), strict, nil, "operator"); err != nil {
		t.Fatal(err)
	}
	loose := instantiate("i3", "vnfd-strict", "plain")
	loose["additionalParams"] = object{"ringfence": object{"components": object{"plain": object{"runtime": "runc"}}}}
	if p := a.polled(a.grant("vnfm-polls", loose).want(202).header.Get("Location")).problem(403); !strings.Contains(fmt.Sprint(p["detail"]), "runc") {
		t.Errorf("a request that cannot be processed: %v", p["detail"])
	}
	a.grant("vnfm-polls", object{}).problem(422)
}
