package contract

import (
	"net/http"
	"testing"
)

// TestWitnessFindsFaults: an answer in which one thing is wrong is found, by each definition that it is held to.
func TestWitnessFindsFaults(t *testing.T) {
	t.Parallel()
	definitions(t)
	defs := shelfIfHere(t)
	const problem, refused = "application/problem+json", `{"status": 403, "detail": "refused"}`
	const grant = `{"id": "g", "vnfInstanceId": "i", "vnfLcmOpOccId": "o", "_links": {"self": {"href": "x"}, "vnfLcmOpOcc": {"href": "x"}, "vnfInstance": {"href": "x"}}}`
	answer := func(status int, kind, body string, headers ...string) *exchange {
		h := http.Header{"Content-Type": {kind}}
		for i := 0; i+1 < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &exchange{method: http.MethodPost, path: "/grants", version: "1.4.0", status: status, header: h, answer: []byte(body)}
	}
	for name, c := range map[string]struct {
		answer *exchange
		good   bool
	}{
		"a grant":                   {answer(201, "application/json", grant, "Location", "/g"), true},
		"a refusal":                 {answer(403, problem, refused), true},
		"taken":                     {answer(202, "", "", "Location", "/g"), true},
		"a grant that is nowhere":   {answer(201, "application/json", grant), false},
		"a grant as text":           {answer(201, "text/plain", grant, "Location", "/g"), false},
		"a grant with a charset":    {answer(201, "application/json; charset=utf-8", grant, "Location", "/g"), false},
		"an empty grant":            {answer(201, "application/json", `{}`, "Location", "/g"), false},
		"no grant":                  {answer(201, "application/json", "", "Location", "/g"), false},
		"taken, with words":         {answer(202, "application/json", "{}", "Location", "/g"), false},
		"taken, and where":          {answer(202, "", ""), false},
		"a refusal as JSON":         {answer(403, "application/json", refused), false},
		"a refusal without words":   {answer(403, problem, `{"status": 403}`), false},
		"unauthorised, and how not": {answer(401, problem, refused), false},
		"no such method, and which": {answer(405, problem, refused), false},
	} {
		for spec, err := range map[string]error{
			specGrant331: c.answer.follows(defs.newer), specGrant241: c.answer.fits(defs.olderSchema(c.answer)),
		} {
			if (err == nil) != c.good {
				t.Errorf("%s: %s: %v", name, spec, err)
			}
		}
	}
	if err := answer(418, problem, refused).follows(defs.newer); err == nil {
		t.Error("an answer that no definition has is taken")
	}
	versionless := answer(403, problem, refused)
	versionless.version = ""
	if versionless.follows(defs.newer) == nil {
		t.Error("an answer without a Version is taken")
	}
}
