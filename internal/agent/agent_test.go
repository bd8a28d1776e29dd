package agent

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/api/client"
	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
)

// feed is the far end of an agent: it signs and serves directives as ringfence does, and keeps what it is told.
type feed struct {
	key ed25519.PrivateKey
	url string

	mu     sync.Mutex
	texts  []json.RawMessage
	acks   []wire.Ack
	scrubs []inventory.ScrubReport
	status int // of the answer to a scrub record
}

func newFeed(t *testing.T) *feed {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /directives/v1/keys", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"k","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	})
	mux.HandleFunc("GET /directives/v1/hosts/{host}/directives", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		_ = json.NewEncoder(w).Encode(f.texts)
		f.texts = nil
	})
	mux.HandleFunc("POST /directives/v1/acks", func(w http.ResponseWriter, r *http.Request) {
		var ack wire.Ack
		_ = json.NewDecoder(r.Body).Decode(&ack)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.acks = append(f.acks, ack)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /inventory/v1/hosts/{host}/scrub_records", func(w http.ResponseWriter, r *http.Request) {
		var scrub inventory.ScrubReport
		_ = json.NewDecoder(r.Body).Decode(&scrub)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.scrubs = append(f.scrubs, scrub)
		w.WriteHeader(f.status)
		_, _ = w.Write([]byte("{}"))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// send serves a directive with these members next.
func (f *feed) send(members string) {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"k"}`))
	var values map[string]any
	if err := json.Unmarshal([]byte("{"+members+"}"), &values); err != nil {
		panic(err)
	}
	payload, err := json.Marshal(values) // sorts the members, and the values have nothing that it would escape
	if err != nil {
		panic(err)
	}
	sum := ed25519.Sign(f.key, []byte(header+"."+base64.RawURLEncoding.EncodeToString(payload)))
	f.sendText(fmt.Sprintf(`{%s,"signature":"%s..%s"}`, members, header, base64.RawURLEncoding.EncodeToString(sum)))
}

func (f *feed) sendText(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.texts = append(f.texts, json.RawMessage(text))
}

// order is a directive of host h with a number.
func order(seq int64, kind, body string) string {
	return fmt.Sprintf(`"hostId":"h","issuedAt":"2026-11-23T10:00:00Z","kind":%q,%s,"seq":%d`, kind, body, seq)
}

const quarantined = `"quarantine":{"reason":"it lost its attestation"}`

// host is a container runtime in memory, for what does not depend on a real one.
type host struct {
	seen    Observation
	purged  []string
	pulled  []string
	stopped int
	fail    error
	held    error // why volumes cannot be erased
}

func (h *host) Observe(context.Context) (Observation, error) { return h.seen, nil }

func (h *host) Resolve(_ context.Context, reference, digest string) (Image, error) {
	return Image{Digest: digest, Reference: reference, Layers: []Layer{{DiffID: "sha256:d-" + digest, ChainID: "sha256:c-" + digest}}}, h.fail
}

func (h *host) Pull(_ context.Context, image Image) error {
	h.pulled = append(h.pulled, image.Digest)
	return h.fail
}

func (h *host) Open(context.Context, Image, Layer, string) (io.ReadCloser, error) {
	return nil, errors.ErrUnsupported
}

func (h *host) Purge(_ context.Context, digests []string) (Freed, error) {
	h.purged = append(h.purged, digests...)
	return Freed{Images: len(digests)}, h.fail
}

func (h *host) Lost(context.Context) ([]string, error) { return nil, nil }
func (h *host) Sweep(context.Context) error            { return nil }
func (h *host) Stop(context.Context, Workload) error   { h.stopped++; return nil }
func (h *host) Erase(string) (int, error)              { return 0, h.held }
func (h *host) Unavailable(m inventory.CacheMode) error {
	if m == inventory.CacheModeENCRYPTED {
		return errors.New("not available here: the file system does not encrypt folders")
	}
	return nil
}

func newTestAgent(t *testing.T, f *feed, h *host) *Agent {
	t.Helper()
	c, err := client.New(client.Options{URL: f.url})
	if err != nil {
		t.Fatal(err)
	}
	config := Config{HostID: "h", JournalFile: filepath.Join(t.TempDir(), "journal.json"), PullTimeout: time.Minute, ReportInterval: time.Minute}
	journal, err := LoadJournal(config.JournalFile, "h")
	if err != nil {
		t.Fatal(err)
	}
	return New(config, journal, c, client.NewVerifier(c), h, h, slog.New(slog.DiscardHandler))
}

// TestRefusesWhatItMustNotFollow has the feed bring what an attacker, or a ringfence that was set back, would: nothing of it
// and nothing after it is followed.
func TestRefusesWhatItMustNotFollow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		send   func(f *feed)
		want   string
		answer string // of the refusal at ringfence; empty: there is none
	}{
		"a forged signature": {func(f *feed) {
			f.sendText("{" + order(2, "QUARANTINE", quarantined) + `,"signature":"eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ..AAAA"}`)
		}, "the signature does not verify", "refused: the directive is not signed by ringfence: the signature does not verify"},
		"no signature": {func(f *feed) { f.sendText("{" + order(2, "QUARANTINE", quarantined) + "}") }, "it has no signature", "refused: the directive is not signed by ringfence: it has no signature"},
		"an older one": {func(f *feed) { f.send(order(1, "QUARANTINE", quarantined)) }, "directive 1 is older than 1", ""},
		"a gap":        {func(f *feed) { f.send(order(3, "QUARANTINE", quarantined)) }, "directive 3 follows on 1: there is a gap", ""},
		"another host's": {func(f *feed) {
			f.send(strings.Replace(order(2, "QUARANTINE", quarantined), `"h"`, `"other"`, 1))
		}, `directive 2 is for host "other"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t)
			a := newTestAgent(t, f, &host{})
			f.send(order(1, "UNQUARANTINE", quarantined))
			if _, err := a.step(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			c.send(f)
			f.send(order(2, "QUARANTINE", quarantined))
			_, err := a.step(t.Context(), 0)
			if !errors.Is(err, errRefused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if a.journal.Seq != 1 || a.journal.Quarantine != "" || len(a.journal.Open) != 1 {
				t.Errorf("the journal is %+v", a.journal)
			}
			var answer string
			for _, ack := range f.acks {
				answer += ack.Detail
			}
			if answer != c.answer {
				t.Errorf("the refusal is answered %q", answer)
			}
		})
	}
}

// TestJournalSurvives reads a journal back that was written between any two steps.
func TestJournalSurvives(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	a := newTestAgent(t, f, &host{})
	f.send(order(1, "QUARANTINE", quarantined))
	f.send(order(2, "PLACE", `"place":{"isolation":"OS_CONTAINER","runtime":"runc","workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}}`))
	if _, err := a.step(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	again, err := LoadJournal(a.config.JournalFile, "h")
	if err != nil {
		t.Fatal(err)
	}
	if again.Seq != 2 || len(again.Open) != 2 || again.Quarantine == "" || again.Places["r"].Order.Runtime != "runc" {
		t.Errorf("the journal came back as %+v", again)
	}
	if _, err := LoadJournal(a.config.JournalFile, "other"); err == nil {
		t.Error("another host takes the journal for its own")
	}
}

// TestRounds goes through directives on a host in memory: what is seen, which answers follow, what is purged.
func TestRounds(t *testing.T) {
	t.Parallel()
	const (
		x     = "sha256:aa"
		place = `"place":{"images":["sha256:aa"],"isolation":"OS_CONTAINER","runtime":"runc","trustDomainId":"A","workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}}`
		gone  = `"release":{"reason":"the end","workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}}`
	)
	cache := func(mode, domain string) string {
		return fmt.Sprintf(`"cache":{"digest":%q,"mode":%q,"prePullAllowed":false,"pullPolicy":"Always","purgeOnRelease":true,"reference":"r.example.com/x:1","retainAfterStop":false,"visibleToTrustDomainIds":[%q]}`, x, mode, domain)
	}
	runs := Workload{ID: "p", Labels: map[string]string{labelResidency: "r"}, Runtime: "runc", Images: []string{x}}
	lies := Artefact{Digest: x, Mode: inventory.CacheModeNOSTORE, TrustDomainID: "A"}
	f, h := newFeed(t), &host{}
	a := newTestAgent(t, f, h)
	var seq int64
	step := func(name string, seen Observation, want string, wantPurged ...string) {
		t.Helper()
		if _, err := a.step(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		seen.At = time.Now()
		a.seen, f.acks, h.purged = &seen, nil, nil
		a.round(t.Context())
		got := ""
		for _, ack := range f.acks {
			got += fmt.Sprintf("%d %s %s;", ack.Seq, ack.Outcome, ack.Detail)
		}
		if got != want {
			t.Errorf("%s is answered\n%s, not\n%s", name, got, want)
		}
		if fmt.Sprint(h.purged) != fmt.Sprint(wantPurged) {
			t.Errorf("%s purges %v, not %v", name, h.purged, wantPurged)
		}
	}
	send := func(kind, body string) {
		seq++
		f.send(order(seq, kind, body))
	}
	nothing := Observation{}
	send("CACHE", cache("ENCRYPTED", "A"))
	step("what the host cannot provide", nothing, "1 FAILED not available here: the file system does not encrypt folders;")
	send("CACHE", cache("NO_STORE", "A"))
	send("PLACE", place)
	step("what nobody started yet", nothing, "2 APPLIED ;")
	if _, routed := a.routed("sha256:c-" + x); !routed {
		t.Error("the layer has no route")
	}
	other := runs
	other.Runtime = "kata"
	a.journal.Open[0].next = time.Time{}
	step("what runs otherwise", Observation{Workloads: []Workload{other}}, "1 SUPERSEDED a later directive says how the artefact may lie here;3 FAILED it runs with the runtime class kata, and may run with runc only;")
	a.journal.Open[len(a.journal.Open)-1].next = time.Time{}
	step("what runs", Observation{Workloads: []Workload{runs}, Artefacts: []Artefact{lies}}, "3 APPLIED ;")
	send("CACHE", cache("NO_STORE", "B"))
	step("another trust domain", Observation{Workloads: []Workload{runs}, Artefacts: []Artefact{lies}},
		"4 FAILED the artefact lies here for A, whose workload may run; it cannot lie under another key at the same time;")
	send("RELEASE", gone)
	step("what still runs", Observation{Workloads: []Workload{runs}, Artefacts: []Artefact{lies}}, "")
	step("what has stopped", Observation{Artefacts: []Artefact{lies}}, "5 APPLIED ;", x)
	if _, routed := a.routed("sha256:c-" + x); !routed {
		t.Error("without a right the layer may go anywhere")
	}
	h.fail = ErrInUse
	send("PURGE", `"purge":{"digests":["sha256:aa"]}`)
	step("what is in use", Observation{Artefacts: []Artefact{lies}}, "6 FAILED a running container uses it;", x, x)
	h.fail = nil
	a.journal.Open[len(a.journal.Open)-1].next = time.Time{}
	step("what is in use no more", nothing, "6 APPLIED removed 1 images and 0 layers, 0 bytes; looked again and found none of them;", x)
	send("QUARANTINE", quarantined)
	step("a quarantine", nothing, "7 APPLIED ;")
	ahead := func(domain string) string {
		return strings.Replace(cache("NO_STORE", domain), `Allowed":false`, `Allowed":true`, 1)
	}
	send("CACHE", ahead("B"))
	step("what may be fetched beforehand in quarantine", nothing, "8 APPLIED not fetched beforehand: the host is in quarantine: it lost its attestation;")
	send("UNQUARANTINE", quarantined)
	step("its end", nothing, "9 APPLIED ;")
	if len(h.pulled) > 0 {
		t.Errorf("%v were fetched in quarantine", h.pulled)
	}
	send("CACHE", ahead("C"))
	step("what may be fetched beforehand again", nothing, "10 APPLIED ;")
	if len(h.pulled) != 1 {
		t.Errorf("%v were fetched after the quarantine", h.pulled)
	}
}

// TestWeakerFormGoesFirst has an image lie in the open that a directive wants in memory only.
func TestWeakerFormGoesFirst(t *testing.T) {
	t.Parallel()
	f, h := newFeed(t), &host{}
	a := newTestAgent(t, f, h)
	f.send(order(1, "CACHE", `"cache":{"digest":"sha256:aa","mode":"NO_STORE","prePullAllowed":true,"pullPolicy":"Always","purgeOnRelease":true,"reference":"r.example.com/x:1","retainAfterStop":false,"visibleToTrustDomainIds":["A"]}`))
	if _, err := a.step(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	a.seen = &Observation{At: time.Now(), Artefacts: []Artefact{{Digest: "sha256:aa", Mode: inventory.CacheModeSHARED}}}
	a.round(t.Context())
	if len(h.purged) != 1 || len(h.pulled) != 1 || len(f.acks) != 1 || f.acks[0].Outcome != wire.AckOutcomeAPPLIED {
		t.Errorf("purged %v, pulled %v, answered %+v", h.purged, h.pulled, f.acks)
	}
}

// TestReport holds what is told to the contract: hostile labels say nothing, a residency is claimed once.
func TestReport(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t, newFeed(t), &host{})
	long := strings.Repeat("x", 1025)
	artefacts := a.report(Observation{Artefacts: []Artefact{{
		Digest: "sha256:aa", Mode: inventory.CacheModeSHARED, Names: []string{"b:1", "a:1", long, "b:1"}, Layers: []Layer{{Digest: "sha256:l", DiffID: "sha256:d"}},
	}}}).CacheEntries
	if got, want := fmt.Sprint(artefacts), "[{sha256:aa [{sha256:d sha256:l}] SHARED [a:1 b:1] }]"; got != want {
		t.Errorf("artefacts %s, want %s", got, want)
	}
	state := a.report(Observation{Workloads: []Workload{
		{ID: "p1", Labels: map[string]string{labelResidency: "r", labelInstance: "v"}, Runtime: "runc"},
		{ID: "p2", Labels: map[string]string{labelResidency: "r", labelInstance: "v"}, Runtime: "runc"},
		{ID: "p3", Labels: map[string]string{labelResidency: "a\nb", labelInstance: strings.Repeat("x", 256)}, Runtime: "runc"},
		{ID: "p4", Runtime: "runc", Labels: map[string]string{labelGlassBy: "ann", labelGlassWhy: "no service"}},
	}})
	want := []wire.ObservedResidency{
		{ResidencyID: "r", VNFInstanceID: "v", VIMResourceID: "p1", Runtime: "runc"},
		{VIMResourceID: "p2", Runtime: "runc"},
		{VIMResourceID: "p3", Runtime: "runc"},
		{VIMResourceID: "p4", Runtime: "runc", BreakGlass: wire.ObservedBreakGlass{By: "ann", Reason: "no service"}},
	}
	if fmt.Sprint(state.Residencies) != fmt.Sprint(want) {
		t.Errorf("%+v", state.Residencies)
	}
}

// TestScrub cleans a host as far as each level asks, and says what somebody else must do.
func TestScrub(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		level  string
		device bool
		runs   []Workload
		comes  []Workload // while it is being cleaned
		busy   error      // of a purge
		hook   string
		status int
		want   string
		gone   bool // the ephemeral data
	}{
		"caches":                  {level: "CACHE_PURGE", status: 201, want: "APPLIED removed 1 images and 0 layers, 0 bytes; looked again and found none of them"},
		"ephemeral data":          {level: "EPHEMERAL_WIPE", status: 201, want: "APPLIED removed 1 images and 0 layers, 0 bytes; looked again and found none of them; stopped containers removed, 1 folders of ephemeral data emptied", gone: true},
		"images beside a pod":     {level: "CACHE_PURGE", runs: []Workload{{ID: "p"}}, status: 201, want: "APPLIED removed 1 images and 0 layers, 0 bytes; looked again and found none of them"},
		"an image in use":         {level: "CACHE_PURGE", runs: []Workload{{ID: "p"}}, busy: ErrInUse, status: 201, want: "APPLIED removed 0 images and 0 layers, 0 bytes; looked again and found none of them; 1 images stay because a container that runs uses them"},
		"something runs":          {level: "EPHEMERAL_WIPE", runs: []Workload{{ID: "p"}}, want: "FAILED 1 workloads run here (p): a host is cleaned at the level EPHEMERAL_WIPE, device reset false, when nothing runs on it but its own trusted base"},
		"something else runs":     {level: "EPHEMERAL_WIPE", runs: []Workload{{ID: "p", Images: []string{"sha256:ff", "sha256:aa"}}}, want: "FAILED 1 workloads run here (p): a host is cleaned at the level EPHEMERAL_WIPE, device reset false, when nothing runs on it but its own trusted base"},
		"its own base runs":       {level: "EPHEMERAL_WIPE", runs: []Workload{{ID: "p", Images: []string{"sha256:ff"}}}, status: 201, want: "APPLIED removed 1 images and 0 layers, 0 bytes; looked again and found none of them; stopped containers removed, 1 folders of ephemeral data emptied", gone: true},
		"somebody comes":          {level: "EPHEMERAL_WIPE", comes: []Workload{{ID: "p"}}, want: "FAILED 1 workloads run here (p): a host is cleaned at the level EPHEMERAL_WIPE, device reset false, when nothing runs on it but its own trusted base", gone: true},
		"a restart":               {level: "REBOOT", want: "FAILED REBOOT with device reset false needs an operator, or a program given by --scrub-hook", gone: true},
		"devices":                 {level: "CACHE_PURGE", device: true, want: "FAILED CACHE_PURGE with device reset true needs an operator, or a program given by --scrub-hook"},
		"a restart by a program":  {level: "REBOOT", hook: "true", status: 201, want: "APPLIED removed 1 images and 0 layers, 0 bytes; looked again and found none of them; stopped containers removed, 1 folders of ephemeral data emptied; true did the rest", gone: true},
		"a program that fails":    {level: "REBOOT", hook: "false", want: "FAILED false: exit status 1: ", gone: true},
		"without the right to it": {level: "CACHE_PURGE", status: 403, want: "APPLIED removed 1 images and 0 layers, 0 bytes; looked again and found none of them; this agent may not record it: the evidence has to be entered by a client with the role SCRUBBER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, h := newFeed(t), &host{}
			f.status = c.status
			a := newTestAgent(t, f, h)
			folder := t.TempDir()
			if err := os.Mkdir(filepath.Join(folder, "left"), 0o700); err != nil {
				t.Fatal(err)
			}
			a.config.EphemeralFolders, a.config.ScrubHook = []string{folder}, c.hook
			f.send(order(1, "SCRUB", fmt.Sprintf(`"scrub":{"deviceReset":%t,"fabricDigests":["sha256:ff"],"level":%q,"reason":"residue"}`, c.device, c.level)))
			if _, err := a.step(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			h.seen.Workloads, h.fail = append(c.comes, c.runs...), c.busy
			a.seen = &Observation{At: time.Now(), Workloads: c.runs, Artefacts: []Artefact{{Digest: "sha256:aa", Mode: inventory.CacheModeSHARED}, {Digest: "sha256:ff", Mode: inventory.CacheModeSHARED}}}
			a.round(t.Context())
			if len(f.acks) != 1 || string(f.acks[0].Outcome)+" "+f.acks[0].Detail != c.want {
				t.Errorf("answered %+v, want %s", f.acks, c.want)
			}
			if _, err := os.Stat(filepath.Join(folder, "left")); (err != nil) != c.gone {
				t.Errorf("the ephemeral data is gone: %t", err != nil)
			}
			if recorded := len(f.scrubs) == 1 && string(f.scrubs[0].Level) == c.level; recorded != (c.status != 0) {
				t.Errorf("recorded %+v", f.scrubs)
			}
		})
	}
}

// TestWhatIsNotSeen has a workload on a CIS node that the agent does not see: it says nothing about it, and does not report.
func TestWhatIsNotSeen(t *testing.T) {
	t.Parallel()
	f, h := newFeed(t), &host{}
	a := newTestAgent(t, f, h)
	const workload = `"workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}`
	f.send(order(1, "PLACE", `"place":{"cisNode":"vm-1","isolation":"VM","runtime":"runc",`+workload+`}`))
	f.send(order(2, "RELEASE", `"release":{"reason":"the end",`+workload+`}`))
	if _, err := a.step(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	r := reporter{agent: a} // a report would be answered 404 by this feed, and be an error
	h.seen.At = time.Now().Add(time.Second)
	if !r.look(t.Context()) {
		t.Error("the agent reports")
	}
	a.round(t.Context())
	for _, ack := range f.acks {
		if ack.Outcome != wire.AckOutcomeSUPERSEDED { // the PLACE is void, whoever sees it
			t.Errorf("answered %+v", ack)
		}
	}
	if len(a.journal.Open) != 0 {
		t.Errorf("%d directives are open", len(a.journal.Open))
	}
}

// TestRouteOfWhatWasJustGranted has somebody pull an image between the grant and the agent's next look at the feed.
func TestRouteOfWhatWasJustGranted(t *testing.T) {
	t.Parallel()
	f, h := newFeed(t), &host{}
	a := newTestAgent(t, f, h)
	const cache = `"cache":{"digest":"sha256:aa","mode":"NO_STORE","prePullAllowed":false,"pullPolicy":"Always","purgeOnRelease":true,"reference":"r.example.com/x:1","retainAfterStop":false,"visibleToTrustDomainIds":["A"]}`
	f.send(order(1, "CACHE", cache))
	if _, found, err := a.Route(t.Context(), "sha256:c-sha256:bb"); found || err != nil {
		t.Errorf("what no directive is about: %t, %v", found, err)
	}
	route, found, err := a.Route(t.Context(), "sha256:c-sha256:aa")
	if !found || err != nil || route.Mode != inventory.CacheModeNOSTORE || route.TrustDomainID != "A" {
		t.Errorf("%+v, %t, %v", route, found, err)
	}
	h.fail = errors.New("the registry does not answer")
	f.send(order(2, "CACHE", strings.Replace(cache, "sha256:aa", "sha256:cc", 1)))
	if _, found, err := a.Route(t.Context(), "sha256:c-sha256:cc"); found || err == nil {
		t.Error("what cannot be known may lie in the open")
	}
	h.fail = nil
	guest := strings.NewReplacer("sha256:aa", "sha256:dd", "NO_STORE", "GUEST_ONLY", "Always", "Never").Replace(cache)
	f.send(order(3, "CACHE", guest))
	if _, _, err := a.Route(t.Context(), "sha256:c-sha256:dd"); err == nil || !strings.Contains(err.Error(), "never on the host") {
		t.Errorf("what only the guest may have is unpacked on the host: %v", err)
	}
}
