package openapi_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/openapi"
)

const problemJSON = "application/problem+json"

// faults lists where a document breaks the rules that all our documents follow: every operation is
// explained and shown by example, errors are problem documents, versions are negotiated alike.
func faults(name string, doc *openapi3.T) []string {
	found := documentFaults(name, doc)
	seen := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			where := method + " " + path
			found = append(found, textFaults(where, operation, seen)...)
			found = append(found, exampleFaults(where, operation)...)
			found = append(found, versionFaults(where, path, item, operation)...)
			found = append(found, errorFaults(where, operation)...)
			for status, response := range operation.Responses.Map() {
				found = append(found, responseFaults(where, status, response.Value)...)
			}
		}
	}
	slices.Sort(found)
	return found
}

func documentFaults(name string, doc *openapi3.T) []string {
	var found []string
	if doc.OpenAPI != "3.0.3" {
		found = append(found, "openapi is "+doc.OpenAPI+", want 3.0.3")
	}
	if len(doc.Servers) != 1 || doc.Servers[0].URL != "/" {
		found = append(found, "servers must be one with the URL /")
	}
	if len(doc.Security) != 1 || doc.Security[0]["bearer"] == nil {
		found = append(found, "security must be bearer, which is all that the server takes")
	}
	for path := range doc.Paths.Map() {
		if !strings.HasPrefix(path, "/"+name+"/") {
			found = append(found, path+" is not under /"+name+"/")
		}
	}
	for _, path := range []string{"/" + name + "/api_versions", "/" + name + "/" + openapi.MajorVersion(name) + "/api_versions"} {
		if doc.Paths.Find(path) == nil {
			found = append(found, "there is no "+path)
		}
	}
	return found
}

var lowerCamelCase = regexp.MustCompile(`^[a-z]+([A-Z0-9][a-z0-9]*)*$`)

func textFaults(where string, operation *openapi3.Operation, seen map[string]bool) []string {
	var found []string
	id := operation.OperationID
	switch {
	case id == "":
		found = append(found, where+": no operationId")
	case !lowerCamelCase.MatchString(id):
		found = append(found, where+": operationId "+id+" is not lowerCamelCase")
	case seen[id]:
		found = append(found, where+": operationId "+id+" is used twice")
	}
	seen[id] = true
	if strings.TrimSpace(operation.Summary) == "" {
		found = append(found, where+": no summary")
	}
	if strings.TrimSpace(operation.Description) == "" {
		found = append(found, where+": no description")
	}
	if len(operation.Tags) != 1 {
		found = append(found, where+": not exactly one tag")
	}
	return found
}

// exampleFaults wants an example for each form of the request and of each success that has a body.
func exampleFaults(where string, operation *openapi3.Operation) []string {
	var found []string
	if operation.RequestBody != nil {
		for mediaType, media := range operation.RequestBody.Value.Content {
			if !hasExample(media) {
				found = append(found, where+": the "+mediaType+" request has no example")
			}
		}
	}
	for status, response := range operation.Responses.Map() {
		for mediaType, media := range response.Value.Content {
			if !hasExample(media) {
				found = append(found, fmt.Sprintf("%s: the %s response %s has no example", where, mediaType, status))
			}
		}
	}
	return found
}

func hasExample(media *openapi3.MediaType) bool {
	return media.Example != nil || len(media.Examples) > 0
}

func versionFaults(where, path string, item *openapi3.PathItem, operation *openapi3.Operation) []string {
	if strings.HasSuffix(path, "/api_versions") {
		return nil
	}
	if item.Parameters.GetByInAndName("header", "Version") == nil &&
		operation.Parameters.GetByInAndName("header", "Version") == nil {
		return []string{where + ": does not take the Version header"}
	}
	return nil
}

// unbounded take bodies of any size.
var unbounded = []string{"importInventory"}

// errorFaults wants every operation to name the errors that the server answers to any request, and those of a request with a body.
func errorFaults(where string, operation *openapi3.Operation) []string {
	want := []string{"400", "401", "403", "405", "406", "414", "429", "500", "503"}
	if operation.RequestBody != nil {
		want = append(want, "415", "422")
		if !slices.Contains(unbounded, operation.OperationID) {
			want = append(want, "413")
		}
	}
	if operation.Parameters.GetByInAndName("header", "If-Match") != nil {
		want = append(want, "412")
	}
	var found []string
	for _, status := range want {
		if operation.Responses.Value(status) == nil {
			found = append(found, where+": does not name the answer "+status)
		}
	}
	return found
}

// errorHeaders are what errors say beside their problem document.
var errorHeaders = map[string]string{"401": "WWW-Authenticate", "405": "Allow", "416": "Content-Range", "429": "Retry-After", "503": "Retry-After"}

func responseFaults(where, status string, response *openapi3.Response) []string {
	var found []string
	if response.Headers["Version"] == nil {
		found = append(found, fmt.Sprintf("%s: response %s is without the Version header", where, status))
	}
	if header := errorHeaders[status]; header != "" && response.Headers[header] == nil {
		found = append(found, fmt.Sprintf("%s: response %s is without the %s header", where, status, header))
	}
	if status >= "400" {
		found = append(found, problemFaults(where+": response "+status, status, response)...)
	}
	return found
}

// problemFaults wants an error response to be a problem document and nothing else, with examples whose
// status is the response's own; an empty status accepts any.
func problemFaults(where, status string, response *openapi3.Response) []string {
	var found []string
	if response.Content[problemJSON] == nil {
		found = append(found, where+" is no problem document")
	}
	for mediaType, media := range response.Content {
		if mediaType != problemJSON {
			found = append(found, where+" carries "+mediaType)
		}
		for _, example := range examples(media) {
			problem, ok := example.(map[string]any)
			if !ok {
				found = append(found, where+": example is no object")
				continue
			}
			if got := fmt.Sprint(problem["status"]); status != "" && got != status {
				found = append(found, where+": example says status "+got)
			}
			if detail, ok := problem["detail"].(string); !ok || strings.TrimSpace(detail) == "" {
				found = append(found, where+": example has no detail")
			}
			if code, err := strconv.Atoi(fmt.Sprint(problem["status"])); err != nil || code < 400 || code > 599 {
				found = append(found, where+": example has no error status")
			}
		}
	}
	return found
}

func examples(media *openapi3.MediaType) []any {
	var all []any
	if media.Example != nil {
		all = append(all, media.Example)
	}
	for _, example := range media.Examples {
		all = append(all, example.Value.Value)
	}
	return all
}
