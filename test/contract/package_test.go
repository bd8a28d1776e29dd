package contract

import (
	"fmt"
	"net/http"
	"testing"

	"ringfence/test/server"
	"ringfence/test/stub"
)

// TestPackages reads an onboarded package in every way that VNF package management has for it, and asks for what it does not give; where
// the definitions are here, a witness holds each answer to that of SOL003 3.3.1.
func TestPackages(t *testing.T) {
	t.Parallel()
	_, appURL := database.NewDatabase(t)
	secured := server.NewTLS(t)
	p := server.Run(t.Context(), t, server.Options{Program: program, DatabaseURL: appURL, TLS: secured, Clients: []server.Client{
		{ID: "vnfm", Token: "token-of-vnfm", Roles: []string{"VNFM"}},
		{ID: "operator", Token: "token-of-operator", Roles: []string{"OPERATOR"}},
		{ID: "agent", Token: "token-of-agent", Roles: []string{"AGENT"}},
	}})
	c := watched(t, stub.Client{URL: p.URL, HTTP: secured.Client(t)}, "readers of packages")
	c.Token = "token-of-operator"
	content := tackerPackage(t, tackerVNFD, "1.0", "1 GiB")
	if a, err := c.Send(t.Context(), http.MethodPost, "/inventory/v1/vnf_packages", http.Header{"Content-Type": {"application/zip"}}, content); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("%d %v: %s", a.Status, err, a.Body)
	}
	const one, none = "/" + tackerVNFD, "/none"
	for _, q := range []struct {
		status       int
		as           string
		path, accept string
		header       [2]string
	}{
		{200, "vnfm", one, stub.TypeJSON, [2]string{}},
		{200, "vnfm", one + "/vnfd", "application/zip", [2]string{}},
		{200, "vnfm", one + "/package_content", "application/zip", [2]string{}},
		{206, "vnfm", one + "/package_content", "application/zip", [2]string{"Range", "bytes=0-9"}},
		{416, "vnfm", one + "/package_content", "application/zip", [2]string{"Range", fmt.Sprintf("bytes=%d-", len(content))}},
		{404, "vnfm", none, stub.TypeJSON, [2]string{}},
		{404, "vnfm", none + "/vnfd", "application/zip", [2]string{}},
		{404, "vnfm", none + "/package_content", "application/zip", [2]string{}},
		{401, "nobody", one, stub.TypeJSON, [2]string{}},
		{401, "nobody", one + "/package_content", "application/zip", [2]string{}},
		{403, "agent", one, stub.TypeJSON, [2]string{}},
		{403, "agent", one + "/vnfd", "application/zip", [2]string{}},
		{406, "vnfm", one, "image/png", [2]string{}},
		{406, "vnfm", one + "/package_content", "image/png", [2]string{}},
		{406, "vnfm", one, stub.TypeJSON, [2]string{"Version", "9.0.0"}},
		{400, "vnfm", one, stub.TypeJSON, [2]string{"Version", "one"}},
		{400, "vnfm", one + "/vnfd", "application/zip", [2]string{"Version", "one"}},
	} {
		c.Token = "token-of-" + q.as
		header := http.Header{"Accept": {q.accept}}
		if q.header[0] != "" {
			header.Set(q.header[0], q.header[1])
		}
		a, err := c.Send(t.Context(), http.MethodGet, "/vnfpkgm/v2/onboarded_vnf_packages"+q.path, header, nil)
		if err != nil || a.Status != q.status {
			t.Errorf("GET %s as %s with %v: %d %v, want %d: %s", q.path, q.as, q.header, a.Status, err, q.status, a.Body)
		}
	}
	c.Token = "token-of-vnfm"
	for _, path := range []string{one, one + "/vnfd", one + "/package_content"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if a, err := c.Send(t.Context(), method, "/vnfpkgm/v2/onboarded_vnf_packages"+path, nil, nil); err != nil || a.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d %v", method, path, a.Status, err)
			}
		}
	}
}
