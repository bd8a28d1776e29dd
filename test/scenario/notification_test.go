package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/test/server"
	"ringfence/test/stub"
)

const subscriptions = "/nfvpolicy/v1/subscriptions"

// listen serves a subscriber, and holds what it was sent against it at the end.
func listen(t *testing.T, s *stub.Subscriber) (callbackURI string) {
	t.Helper()
	endpoint := httptest.NewServer(s)
	t.Cleanup(endpoint.Close)
	t.Cleanup(func() {
		for _, fault := range s.Faults() {
			t.Errorf("the subscriber got %s", fault)
		}
	})
	return endpoint.URL + "/notify"
}

// told tells notifications, sorted by id: that is the order in which things happened, whatever that of their coming.
func told(list []stub.Notification) (lines []string) {
	slices.SortFunc(list, func(a, b stub.Notification) int { return strings.Compare(a.ID, b.ID) })
	for _, n := range list {
		line := n.ChangeType + " " + n.AffectedVersion
		if n.PreviousSelectedVersion != "" {
			line += " before " + n.PreviousSelectedVersion
		}
		if n.Modifications != nil {
			text, _ := json.Marshal(n.Modifications)
			line += " " + string(text)
		}
		lines = append(lines, line)
	}
	return lines
}

// TestNotifications takes a policy through its life while two clients listen: one to everything, one to its end only.
func TestNotifications(t *testing.T) {
	t.Parallel()
	d := start(t)
	everything := &stub.Subscriber{UserName: "ringfence", Password: "a secret"}
	ends := &stub.Subscriber{}
	subscribe := func(role, uri string, more map[string]any) {
		t.Helper()
		request := map[string]any{"callbackUri": uri}
		maps.Copy(request, more)
		d.do(role, http.MethodPost, subscriptions, request, nil)
	}
	subscribe("AUDITOR", listen(t, everything), map[string]any{"authentication": map[string]any{
		"authType": []string{"BASIC"}, "paramsBasic": map[string]any{"userName": "ringfence", "password": "a secret"},
	}})
	subscribe("APPROVER", listen(t, ends), map[string]any{"filter": map[string]any{"changeTypes": []string{"DELETE_POLICY"}}})
	if everything.Tests() != 1 || ends.Tests() != 1 {
		t.Errorf("tested %d and %d times", everything.Tests(), ends.Tests())
	}

	document := string(readFleet(t, "plain.policy.yaml"))
	d.policyID = d.createPolicy()
	path := "/nfvpolicy/v1/policies/" + d.policyID
	d.transfer("1.0.0", []byte(document))
	d.transfer("2.0.0", []byte(strings.Replace(document, `"1.0.0"`, `"2.0.0"`, 1)))
	d.modifyPolicy(map[string]any{"activationStatus": "ACTIVATED"})
	_ = d.fail(http.StatusConflict, "APPROVER", http.MethodPatch, path, map[string]any{"activationStatus": "ACTIVATED"}) // nobody hears of it
	d.modifyPolicy(map[string]any{"selectedVersion": "2.0.0"})
	d.modifyPolicy(map[string]any{"selectedVersion": "1.0.0", "activationStatus": "DEACTIVATED"})
	d.do("AUTHOR", http.MethodDelete, path+"/versions/2.0.0", nil, nil)
	d.do("AUTHOR", http.MethodDelete, path, nil, nil)

	all := []string{
		"CREATE_POLICY ",
		"TRANSFER_POLICY 1.0.0",
		"TRANSFER_POLICY 2.0.0",
		`MODIFY_POLICY 1.0.0 {"activationStatus":"ACTIVATED"}`,
		`MODIFY_POLICY 2.0.0 before 1.0.0 {"selectedVersion":"2.0.0"}`,
		`MODIFY_POLICY 1.0.0 before 2.0.0 {"activationStatus":"DEACTIVATED","selectedVersion":"1.0.0"}`,
		"DELETE_POLICY 2.0.0",
		"DELETE_POLICY ",
	}
	eventually(t, 30*time.Second, "both subscribers were told", func() bool { return len(everything.Got()) >= len(all) && len(ends.Got()) >= 2 })
	if diff := cmp.Diff(all, told(everything.Got())); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all[6:], told(ends.Got())); diff != "" {
		t.Errorf("told of ends (-want +got):\n%s", diff)
	}
	ids := map[string]string{}
	for _, n := range everything.Got() {
		ids[n.ID] = n.SubscriptionID
		if n.PolicyID != d.policyID || n.Type != "PolicyChangeNotification" {
			t.Errorf("told %s", n.Raw)
		}
	}
	for _, n := range ends.Got() {
		if other, shared := ids[n.ID]; !shared || other == n.SubscriptionID {
			t.Errorf("the id of %s is not that of the other subscriber's, or the subscription is", n.Raw)
		}
	}
	eventually(t, 10*time.Second, "all deliveries are listed as made", func() bool {
		var delivered []struct{ State string }
		d.do("OPERATOR", http.MethodGet, "/placement/v1/notification_deliveries?filter=(eq,state,DELIVERED)", nil, &delivered)
		return len(delivered) == len(ids)+len(ends.Got())
	})
}

// startAlone runs ringfence on a database of its own, without tokens: callbacks may go to loopback addresses.
func startAlone(t *testing.T, databaseURL string) *server.Process {
	t.Helper()
	p, err := server.Start(t.Context(), server.Options{Program: program, DatabaseURL: databaseURL, DataDir: server.DataDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func create(t *testing.T, p *server.Process, path string, body map[string]any) {
	t.Helper()
	if _, err := (stub.Client{URL: p.URL}).Do(t.Context(), http.MethodPost, path, body, nil); err != nil {
		t.Fatal(err)
	}
}

// TestNotificationSurvivesAKill ends the process with SIGKILL while the subscriber has the notification and has not answered yet.
// The next process delivers it again, with the same id, and no more once it was answered.
func TestNotificationSurvivesAKill(t *testing.T) {
	t.Parallel()
	_, appURL := database.NewDatabase(t)
	taken, release := make(chan stub.Notification, 1), make(chan struct{})
	var once sync.Once
	s := &stub.Subscriber{Receive: func(n stub.Notification) int {
		once.Do(func() {
			taken <- n
			<-release
		})
		return http.StatusNoContent
	}}
	first := startAlone(t, appURL)
	create(t, first, subscriptions, map[string]any{"callbackUri": listen(t, s)})
	create(t, first, "/nfvpolicy/v1/policies", map[string]any{"designer": "scenario", "name": "survives"})
	var lost stub.Notification
	select {
	case lost = <-taken:
	case <-time.After(30 * time.Second):
		t.Error("nothing was delivered")
	}
	if err := first.Kill(); err != nil {
		t.Error(err)
	}
	close(release)
	if t.Failed() {
		return
	}
	// The subscriber keeps what it took, although nobody listens for its answer any more.
	eventually(t, 10*time.Second, "the subscriber is done with what it took", func() bool { return len(s.Got()) == 1 })
	second := startAlone(t, appURL)
	create(t, second, "/nfvpolicy/v1/policies", map[string]any{"designer": "scenario", "name": "later"})
	eventually(t, time.Minute, "the notification comes again", func() bool { return len(s.Got()) >= 3 })
	again := 0
	for _, n := range s.Got()[1:] {
		if n.ID == lost.ID {
			again++
		}
	}
	if again != 1 {
		t.Errorf("notification %s came again %d times", lost.ID, again)
	}
	if err := second.Stop(); err != nil {
		t.Error(err)
	}
}

// TestReplicasShareDeliveries lets two processes deliver from one outbox to a subscriber that takes its time: each notification
// comes once, and never from both at the same time.
func TestReplicasShareDeliveries(t *testing.T) {
	t.Parallel()
	_, appURL := database.NewDatabase(t)
	var mu sync.Mutex
	calling, calls := map[string]int{}, map[string]int{}
	s := &stub.Subscriber{Receive: func(n stub.Notification) int {
		mu.Lock()
		calls[n.ID]++
		if calling[n.ID]++; calling[n.ID] > 1 {
			t.Errorf("notification %s comes twice at the same time", n.ID)
		}
		mu.Unlock()
		time.Sleep(100 * time.Millisecond) // as long as a subscriber may well take
		mu.Lock()
		defer mu.Unlock()
		calling[n.ID]--
		return http.StatusNoContent
	}}
	replicas := []*server.Process{startAlone(t, appURL), startAlone(t, appURL)}
	create(t, replicas[0], subscriptions, map[string]any{"callbackUri": listen(t, s)})
	const n = 24
	for i := range n {
		create(t, replicas[i%2], "/nfvpolicy/v1/policies", map[string]any{"designer": "scenario", "name": fmt.Sprint("shared ", i)})
	}
	eventually(t, time.Minute, "all notifications came", func() bool { return len(s.Got()) >= n })
	for _, p := range replicas {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for id, times := range calls {
		if times != 1 {
			t.Errorf("notification %s came %d times", id, times)
		}
	}
	if len(calls) != n {
		t.Errorf("%d notifications of %d", len(calls), n)
	}
}
