package contract

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// shelf holds the definitions, read once.
type shelf struct {
	newer, packages                                         *openapi3.T
	older                                                   []byte // Swagger 2
	suiteGrant, suiteProblem, suiteVersions                 *openapi3.Schema
	olderGrant, olderRequest, olderProblem, newerGrantAsked *openapi3.Schema
}

var (
	shelfLock sync.Mutex
	shelved   *shelf
)

// shelfIfHere reads the definitions; nil where they are not here.
func shelfIfHere(t *testing.T) *shelf {
	t.Helper()
	folder, err := definitionsFolder()
	if err != nil {
		return nil
	}
	shelfLock.Lock()
	defer shelfLock.Unlock()
	if shelved != nil {
		return shelved
	}
	s := &shelf{
		newer:    document(t, folder, "openapi", "sol003-v3.3.1", "sol003_operation_openapi.json"),
		packages: document(t, folder, "openapi", "sol003-v3.3.1", "sol003_package_openapi.json"),
		older:    read(t, folder, "openapi", "sol003-v2.4.1", "SOL003-VNFLifecycleOperationGranting-API.swagger2.json"),
	}
	correctPackage(t, s.packages)
	suite := func(name string) *openapi3.Schema {
		return plain(t, read(t, folder, "robot-tst010-v2.4.1", name+".schema.json"))
	}
	s.suiteGrant, s.suiteProblem, s.suiteVersions = suite("grant"), suite("ProblemDetails"), suite("ApiVersionInformation")
	s.olderGrant = plain(t, s.older, "paths", "/grants", "post", "responses", "201", "schema")
	s.olderProblem = plain(t, s.older, "paths", "/grants", "post", "responses", "403", "schema")
	s.newerGrantAsked = s.newer.Components.RequestBodies["GrantRequest"].Value.Content.Get("application/json").Schema.Value
	s.olderRequest = olderAsked(t, s.older)
	shelved = s
	return s
}

// correctPackage mends two types in the published description of a package: it makes one text each of a checksum, which has an algorithm
// and a hash, and of the list of VNFMs. Clients read an object and a list. A description in which that is right is taken as it is.
func correctPackage(t *testing.T, doc *openapi3.T) {
	t.Helper()
	info := answers(t, doc, "/onboarded_vnf_packages/{vnfdId}", http.MethodGet, http.StatusOK)
	if c := info.Properties["checksum"]; c.Value.Type.Is("string") {
		text := openapi3.NewStringSchema().WithMinLength(1)
		checksum := openapi3.NewObjectSchema().WithProperty("algorithm", text).WithProperty("hash", text).WithRequired([]string{"algorithm", "hash"})
		info.Properties["checksum"] = openapi3.NewSchemaRef("", checksum)
	}
	if v := info.Properties["vnfmInfo"]; v.Value.Type.Is("string") {
		info.Properties["vnfmInfo"] = openapi3.NewSchemaRef("", openapi3.NewArraySchema().WithItems(v.Value))
	}
}

// olderAsked is the schema of the request in the definition that is older than OpenAPI 3: that of its parameter in the body.
func olderAsked(t *testing.T, text []byte) *openapi3.Schema {
	t.Helper()
	var doc struct {
		Paths map[string]struct {
			Post struct {
				Parameters []struct {
					In     string
					Schema json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, p := range doc.Paths["/grants"].Post.Parameters {
		if p.In == "body" {
			return plain(t, p.Schema)
		}
	}
	t.Fatal("the definition has no request")
	return nil
}

// olderSchema is what the definition 2.4.1 says of an answer of granting: its problems are all of one form.
func (s *shelf) olderSchema(e *exchange) *openapi3.Schema {
	if e.status >= http.StatusBadRequest {
		return s.olderProblem
	}
	return s.olderGrant
}

// suiteSchema is what the conformance tests say of an answer.
func (s *shelf) suiteSchema(e *exchange) *openapi3.Schema {
	switch {
	case e.status >= http.StatusBadRequest:
		return s.suiteProblem
	case e.path == "/api_versions":
		return s.suiteVersions
	}
	return s.suiteGrant
}

// takes tells whether a request that was granted is one to the letter of a specification.
func (s *shelf) takes(t *testing.T, spec string, request []byte) bool {
	t.Helper()
	schema := s.newerGrantAsked
	if spec == specGrant241 {
		schema = s.olderRequest
	}
	var value any
	if err := json.Unmarshal(request, &value); err != nil {
		t.Errorf("a request that was taken: %v", err)
	}
	return schema.VisitJSON(value) == nil
}
