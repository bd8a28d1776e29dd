package httpapi_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/grant"
	"ringfence/internal/httpapi"
	"ringfence/internal/notify"
	"ringfence/internal/peer"
	"ringfence/internal/placement"
	"ringfence/internal/relay"
	"ringfence/test/authserver"
	"ringfence/test/pki"
	"ringfence/test/stub"
)

// relayed is a server below an NFVO, which is asked over HTTPS with tokens and a certificate.
type relayed struct {
	*api
	nfvo  *stub.NFVO
	relay *relay.Service

	toldOfLI bool
}

func newRelayed(t *testing.T, nfvo *stub.NFVO, timeout time.Duration) *relayed {
	t.Helper()
	f := &relayed{api: newFleet(t), nfvo: nfvo}
	ca, dir := pki.New(t, "site"), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	as := authserver.Start(t, ca, "nfvo", authserver.Client{ID: "ringfence", Secret: secretHere})
	nfvo.Admits = func(r *http.Request) bool {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		id, err := as.Subject(r.Context(), token)
		return err == nil && id == "ringfence" && len(r.TLS.VerifiedChains) > 0
	}
	listener := httptest.NewUnstartedServer(nfvo)
	listener.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.Server(t).TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()}
	listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	listener.StartTLS()
	t.Cleanup(listener.Close)
	ca.Issue(t, pki.Leaf{Name: "ringfence"}).Write(t, in("cert.pem"), in("key.pem"))
	pki.WriteFile(t, in("ca.pem"), ca.PEM())
	pki.WriteFile(t, in("here"), []byte(secretHere))
	file, err := json.Marshal(object{"credentials": []object{{
		"name": "nfvo", "apiRoots": []string{listener.URL}, "caFile": in("ca.pem"), "certFile": in("cert.pem"), "keyFile": in("key.pem"),
		"oauth2": object{"tokenEndpoint": as.TokenURL, "clientId": "ringfence", "clientSecretFile": in("here")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	pki.WriteFile(t, in("credentials.json"), file)
	book, err := peer.Load(in("credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	f.relay, err = relay.New(f.store, f.delivery, peer.NewCaller(book, &notify.Guard{}), relay.Settings{
		APIRoot: listener.URL, Credentials: "nfvo", Timeout: timeout, Usable: httpapi.CheckUpstreamGrant,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.server.Grants = f.granting(f.relay)
	return f
}

func (f *relayed) granting(upstream grant.Upstream) *grant.Service {
	return grant.New(f.store, f.replica, grant.Settings{
		ReservationTTL: time.Hour, AttestationMargin: 2 * time.Second, HostMappingMaxAge: 10 * time.Minute, Upstream: upstream, UpstreamLI: f.toldOfLI,
	}, unobserved{}, slog.New(slog.DiscardHandler))
}

// nothingStays tells that a request left nothing behind, and that its grant, if there was one, cannot be read.
func (f *relayed) nothingStays(why, instance string) {
	f.t.Helper()
	f.holds(why, instance, map[string]any{})
}

func TestUpstreamAgrees(t *testing.T) {
	t.Parallel()
	for what, later := range map[string]int{"at once": 0, "when polled": 2} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			nfvo := &stub.NFVO{Later: later}
			nfvo.Decide = func(_ *http.Request, request map[string]any) (int, any) {
				g := stub.Agreed(request)
				decided := request["additionalParams"].(object)["ringfence"].(object)["placements"].([]any)[0].(object)
				g["zones"] = []object{{"id": "z", "zoneId": decided["resourceZoneId"], "vimConnectionId": decided["vimConnectionId"]}}
				g["addResources"].([]map[string]any)[0]["zoneId"] = "z" // where it was placed
				g["vimConnectionInfo"] = object{"vim-9": object{"vimId": "v9", "vimType": "ETSINFV.OPENSTACK_KEYSTONE.V_3"}}
				g["extManagedVirtualLinks"] = []object{{"id": "net", "vnfVirtualLinkDescId": "vl", "resourceId": "net-7"}}
				g["vimAssets"] = object{"softwareImages": []object{{"vnfdSoftwareImageId": "sw", "vimSoftwareImageId": "image-7"}}}
				return http.StatusCreated, g
			}
			f := newRelayed(t, nfvo, 5*time.Second)
			g := f.do(call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: temporary("i1"), header: map[string]string{"Version": "1.4.0"}}).want(201).object()
			if fmt.Sprint(g["vimConnectionInfo"]) == "<nil>" || fmt.Sprint(g["extManagedVirtualLinks"]) == "<nil>" || fmt.Sprint(g["vimAssets"]) == "<nil>" {
				t.Errorf("not merged: %v", g)
			}
			asked := nfvo.Asked()
			if len(asked) != 1 {
				t.Fatalf("asked %d times", len(asked))
			}
			own := asked[0]["additionalParams"].(object)["ringfence"].(object)
			if own["decisionId"] == nil || len(own["placements"].([]any)) != 2 || asked[0]["placementConstraints"] == nil {
				t.Errorf("forwarded %v", asked[0])
			}
			again := f.do(call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: temporary("i1"), header: map[string]string{"Version": "1.4.0"}}).want(201).object()
			read := f.do(call{as: "vnfm-a", path: "/grant/v1/grants/" + fmt.Sprint(g["id"]), header: map[string]string{"Version": "1.4.0"}}).want(200).object()
			if diff := cmp.Diff(g, again); diff != "" {
				t.Errorf("the same request (-first +again):\n%s", diff)
			}
			if diff := cmp.Diff(g, read); diff != "" {
				t.Errorf("read again (-first +read):\n%s", diff)
			}
			if len(nfvo.Asked()) != 1 {
				t.Error("asked again about what it has agreed to")
			}
			f.holds("granted", "i1", map[string]any{"i1-open": "RESERVED", "helper": "RESERVED"})
		})
	}
}

func TestUpstreamDoesNotAgree(t *testing.T) {
	t.Parallel()
	agreedBut := func(change func(g map[string]any)) func(*http.Request, map[string]any) (int, any) {
		return func(_ *http.Request, request map[string]any) (int, any) {
			g := stub.Agreed(request)
			change(g)
			return http.StatusCreated, g
		}
	}
	first := func(g map[string]any) map[string]any { return g["addResources"].([]map[string]any)[0] }
	for what, c := range map[string]struct {
		decide func(*http.Request, map[string]any) (int, any)
		status int
		detail string
	}{
		"refuses": {func(*http.Request, map[string]any) (int, any) {
			return http.StatusForbidden, object{"status": 403, "detail": "no licence\u0007 left"}
		}, 403, "Refused by the NFVO upstream: no licence? left"},
		"fails":        {func(*http.Request, map[string]any) (int, any) { return http.StatusInternalServerError, nil }, 503, "answered 500"},
		"knows us not": {func(*http.Request, map[string]any) (int, any) { return http.StatusNotFound, nil }, 503, "answered 404"},
		"talks":        {func(*http.Request, map[string]any) (int, any) { return http.StatusCreated, "hello" }, 503, "no grant"},
		"is slow": {func(r *http.Request, request map[string]any) (int, any) {
			<-r.Context().Done()
			return http.StatusCreated, stub.Agreed(request)
		}, 503, "no answer"},
		"dies":            {func(*http.Request, map[string]any) (int, any) { panic(http.ErrAbortHandler) }, 503, "cannot be reached"},
		"lacks one":       {agreedBut(func(g map[string]any) { delete(g, "tempResources") }), 503, "tempResources"},
		"adds one":        {agreedBut(func(g map[string]any) { g["removeResources"] = []object{{"resourceDefinitionId": "x"}} }), 503, "removeResources"},
		"another zone":    {agreedBut(func(g map[string]any) { g["zones"] = []object{{"id": "z", "zoneId": "PAR"}}; first(g)["zoneId"] = "z" }), 503, "elsewhere"},
		"no zone":         {agreedBut(func(g map[string]any) { first(g)["zoneId"] = "z" }), 503, "elsewhere"},
		"another VIM":     {agreedBut(func(g map[string]any) { first(g)["vimConnectionId"] = "vim-x" }), 503, "elsewhere"},
		"another name":    {agreedBut(func(g map[string]any) { first(g)["containerNamespace"] = "default" }), 503, "elsewhere"},
		"other operation": {agreedBut(func(g map[string]any) { g["vnfLcmOpOccId"] = "op-x" }), 503, "another operation"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			nfvo := &stub.NFVO{Decide: c.decide}
			f := newRelayed(t, nfvo, 2*time.Second)
			got := f.grant("vnfm-a", temporary("i1"))
			p := got.problem(c.status)
			if !strings.Contains(fmt.Sprint(p["detail"]), c.detail) {
				t.Errorf("detail %v", p["detail"])
			}
			if c.status == 503 && got.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			f.nothingStays(what, "i1")
			if own, ok := nfvo.Asked()[0]["additionalParams"].(object); ok {
				id := fmt.Sprint(own["ringfence"].(object)["grantId"])
				if status := f.do(call{as: "vnfm-a", path: "/grant/v1/grants/" + id}).status; status != 403 && status != 404 {
					t.Errorf("its grant is read with %d", status)
				}
			}
			nfvo.Decide = nil
			f.grant("vnfm-a", temporary("i1")).want(201) // the same request again
			f.holds("agreed to at last", "i1", map[string]any{"i1-open": "RESERVED", "helper": "RESERVED"})
		})
	}
}

// interrupted is a process that ends between the commit and the question.
type interrupted struct{ *relay.Service }

func (interrupted) Agree(context.Context, *placement.Grant, []byte, *placement.UpstreamAnswer) (placement.UpstreamAnswer, error) {
	return placement.UpstreamAnswer{}, errors.New("killed")
}

func TestUpstreamAfterACrash(t *testing.T) {
	t.Parallel()
	f := newRelayed(t, &stub.NFVO{}, 5*time.Second)
	f.server.Grants = f.granting(interrupted{f.relay})
	f.grant("vnfm-a", temporary("i1")).problem(500)
	f.holds("committed, not agreed to", "i1", map[string]any{"i1-open": "RESERVED", "helper": "RESERVED"})
	id := fmt.Sprint(f.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId,i1)"}).want(200).list()[0]["grantId"])
	f.do(call{as: "vnfm-a", path: "/grant/v1/grants/" + id}).want(202)
	f.server.Grants = f.granting(f.relay)
	if g := f.grant("vnfm-a", temporary("i1")).want(201).object(); g["id"] != id || len(f.nfvo.Asked()) != 1 {
		t.Errorf("granted %v, asked %d times", g["id"], len(f.nfvo.Asked()))
	}
	if err := f.relay.Sweep(t.Context(), 0); err != nil { // as if the time was up
		t.Fatal(err)
	}
	f.do(call{as: "vnfm-a", path: "/grant/v1/grants/" + id}).want(200)
	f.holds("agreed to", "i1", map[string]any{"i1-open": "RESERVED", "helper": "RESERVED"})
	f.tell("vnfm-a", event("i1", "ROLLED_BACK", nil)).want(204)

	f.server.Grants = f.granting(interrupted{f.relay})
	f.grant("vnfm-a", temporary("i2")).problem(500)
	if err := f.relay.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	f.nothingStays("nobody asked again", "i2")
	if len(f.nfvo.Asked()) != 1 {
		t.Error("the NFVO was asked to sweep")
	}
}

// TestUpstreamIsAskedBeforeRemoving: what a request removes cannot be given back.
func TestUpstreamIsAskedBeforeRemoving(t *testing.T) {
	t.Parallel()
	f := newRelayed(t, &stub.NFVO{}, 5*time.Second)
	f.grant("vnfm-a", instantiate("i1", "vnfd-b", "open")).want(201)
	end := instantiate("i1", "vnfd-b", "open")
	delete(end, "addResources")
	end["operation"], end["vnfLcmOpOccId"] = "TERMINATE", "op-end"
	end["removeResources"] = []object{{"id": "i1-open", "type": "COMPUTE", "vduId": "open"}}
	f.nfvo.Decide = func(*http.Request, map[string]any) (int, any) {
		return http.StatusForbidden, object{"detail": "not now"}
	}
	f.grant("vnfm-a", end).problem(403)
	f.holds("refused", "i1", map[string]any{"i1-open": "RESERVED"})
	f.nfvo.Decide = nil
	before := len(f.nfvo.Asked())
	f.grant("vnfm-a", end).want(201)
	f.grant("vnfm-a", end).want(201)
	if asked := len(f.nfvo.Asked()) - before; asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	f.holds("agreed to", "i1", map[string]any{"i1-open": "TERMINATING"})
}

// TestUpstreamAndPolling: who polls waits for the NFVO as well, and an NFVO that wants the placement only is not sent to another one.
func TestUpstreamAndPolling(t *testing.T) {
	t.Parallel()
	f := newRelayed(t, &stub.NFVO{}, 5*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.server.Grants.RunPending(ctx, func() {}) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	at := f.grant("vnfm-polls", instantiate("i1", "vnfd-b", "open")).want(202).header.Get("Location")
	path := strings.TrimPrefix(at, f.url)
	for f.do(call{as: "vnfm-polls", path: path}).status == 202 {
	}
	f.do(call{as: "vnfm-polls", path: path}).want(200)
	if asked := f.nfvo.Asked(); len(asked) != 1 || asked[0]["vnfInstanceId"] != "i1" {
		t.Errorf("asked %v", asked)
	}
	f.do(call{as: "nfvo", method: "POST", path: "/placement/v1/reservations", body: object{"grantRequest": instantiate("i2", "vnfd-b", "open"), "onBehalfOf": "vnfm-a"}})
	if len(f.nfvo.Asked()) != 1 {
		t.Error("an NFVO's own reservation went upstream")
	}
}

// TestUpstreamAndLawfulInterception: an NFVO is not asked about it, neither before nor after, unless the operator says that it is cleared.
func TestUpstreamAndLawfulInterception(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprintf("told %t", told), func(t *testing.T) {
			t.Parallel()
			f := newRelayed(t, &stub.NFVO{}, 5*time.Second)
			f.toldOfLI = told
			f.server.Grants = f.granting(f.relay)
			doc := fleet()
			addLI(doc)
			if _, err := f.store.Import(t.Context(), doc, true, placement.EndRules{}, "operator", nil); err != nil {
				t.Fatal(err)
			}
			begin := instantiate("mdf-1", "vnfd-li", "open")
			f.grant("root", begin).want(201)
			end := instantiate("mdf-1", "vnfd-a", "open") // what the instance has counts, whatever VNFD is named
			delete(end, "addResources")
			end["operation"], end["vnfLcmOpOccId"] = "TERMINATE", "op-end"
			f.grant("root", end).want(201)
			if asked := len(f.nfvo.Asked()); told != (asked == 2) || !told && asked != 0 {
				t.Errorf("asked %d times", asked)
			}
			before := len(f.nfvo.Asked())
			f.grant("root", instantiate("i1", "vnfd-b", "open")).want(201) // of a client with clearance, and of no interception
			if asked := len(f.nfvo.Asked()) - before; asked != 1 {
				t.Errorf("asked %d times about what is of no interception", asked)
			}
		})
	}
}
