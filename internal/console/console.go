package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
)

// root is where the console lives. Its own links are relative, so a proxy may put a prefix before it.
const root = "/console/"

// Document is one API as the console shows it.
type Document struct {
	// Name is the {apiName} of the API's URIs, for example "placement"; the page is /console/{Name} and the
	// document /console/api/{Name}.json. Lower-case letters, digits, "_" and "-", starting with a letter.
	Name string
	// Title is what the page and the list of APIs call it.
	Title string
	// JSON is the OpenAPI document, self-contained: a reference to another file would not resolve.
	JSON []byte
}

// Handler serves the console under /console/, with the APIs in the order given. It answers GET and HEAD,
// expects the request's path unchanged (no prefix stripped), and needs no authentication: the documents are
// public, the requests that the page sends carry the user's own credentials. The error names the document
// that cannot be shown.
func Handler(docs ...Document) (http.Handler, error) {
	if err := checkDocuments(docs); err != nil {
		return nil, err
	}
	resources, err := buildSite(docs)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root, func(w http.ResponseWriter, r *http.Request) {
		found, ok := resources[r.URL.Path]
		if !ok {
			http.Error(w, "the console has no such page; it starts at "+root, http.StatusNotFound)
			return
		}
		found.ServeHTTP(w, r)
	})
	return withSecurityHeaders(mux), nil
}

// withSecurityHeaders confines the page. Swagger UI works under this policy without a violation; no inline
// script, no inline style, no plug-in, no frame, no form, no other host.
func withSecurityHeaders(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// checkDocuments keeps a wiring mistake from becoming a page that fails in the browser.
func checkDocuments(docs []Document) error {
	valid := regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	seen := make(map[string]bool, len(docs))
	for _, doc := range docs {
		switch {
		case !valid.MatchString(doc.Name):
			return fmt.Errorf("console: the document name %q must match %s", doc.Name, valid)
		case seen[doc.Name]:
			return fmt.Errorf("console: two documents are named %q", doc.Name)
		case doc.Title == "":
			return fmt.Errorf("console: the document %q needs a title", doc.Name)
		case !json.Valid(doc.JSON):
			return fmt.Errorf("console: the document %q is not valid JSON", doc.Name)
		}
		seen[doc.Name] = true
	}
	return nil
}
