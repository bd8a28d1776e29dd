package httpapi_test

import (
	"net/http"
	"slices"
	"testing"
)

// An agent acts for what it stands for, and for nothing else.
func TestAgentsActForTheirOwn(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	for client, hosts := range map[string][]string{"agent": {"h1", "h2"}, "agent-h1": {"h1"}, "agent-vim": {"h1", "h2"}, "agent-far": nil} {
		for _, host := range []string{"h1", "h2"} {
			own := slices.Contains(hosts, host)
			for name, c := range map[string]call{
				"read":    {path: "/directives/v1/hosts/" + host + "/directives"},
				"ack":     {method: "POST", path: "/directives/v1/acks", body: object{"hostId": host, "seq": 99, "outcome": "APPLIED"}},
				"observe": {method: "PUT", path: "/directives/v1/hosts/" + host + "/observed_state", body: object{"observedAt": "2026-01-01T00:00:00Z", "residencies": []object{}, "cacheEntries": []object{}}},
				"ask":     {method: "POST", path: "/placement/v1/cache_decisions", body: cacheQuestion(host, "TD-B")},
			} {
				c.as = client
				if got := a.do(c); (got.status != http.StatusForbidden) != own {
					t.Errorf("%s of %s by %s: %d", name, host, client, got.status)
				}
			}
		}
	}
	for client, own := range map[string]bool{"agent": true, "agent-h1": false, "agent-vim": true, "agent-far": false, "operator": true} {
		if got := a.do(call{as: client, path: "/directives/v1/directives?vimConnectionId=vim-1"}); (got.status == http.StatusOK) != own {
			t.Errorf("feed of vim-1 by %s: %d", client, got.status)
		}
	}
	a.do(call{as: "auditor", path: "/directives/v1/hosts/h2/directives"}).want(200)
}

// What lets an agent read more hosts' directives does not let it speak for them.
func TestReadersDoNotSpeakForHosts(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	for _, client := range []string{"agent-h1-auditor", "agent-h1-operator"} {
		for host, status := range map[string]int{"h1": 200, "h2": 403} {
			a.do(call{as: client, path: "/directives/v1/hosts/" + host + "/directives"}).want(200)
			a.do(call{
				as: client, method: "PUT", path: "/directives/v1/hosts/" + host + "/observed_state",
				body: object{"observedAt": "2026-01-01T00:00:00Z", "residencies": []object{}, "cacheEntries": []object{}},
			}).want(status)
		}
		a.do(call{as: client, method: "POST", path: "/directives/v1/acks", body: object{"hostId": "h2", "seq": 1, "outcome": "APPLIED"}}).problem(403)
	}
}
