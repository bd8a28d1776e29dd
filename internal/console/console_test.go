package console_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/console"
	"ringfence/openapi"
)

// newConsole serves the project's own documents.
func newConsole(t *testing.T) http.Handler {
	t.Helper()
	var docs []console.Document
	for _, name := range openapi.Names() {
		content, err := openapi.JSON(name)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, console.Document{Name: name, Title: "The API " + name, JSON: content})
	}
	handler, err := console.Handler(docs...)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// ask sends one request with the given headers (name, value, ...) and returns the answer, its body read.
func ask(t *testing.T, handler http.Handler, method, target string, headers ...string) (*http.Response, string) {
	t.Helper()
	request := httptest.NewRequestWithContext(context.Background(), method, "/", nil)
	request.URL.Path, request.URL.RawPath = target, ""
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	answer := recorder.Result()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func pages() []string {
	all := []string{"/console/"}
	for _, name := range openapi.Names() {
		all = append(all, "/console/"+name)
	}
	return all
}

var reference = regexp.MustCompile(`(?:href|src|data-document)="([^"]*)"`)

// referenced lists what the pages and their style sheets refer to, as absolute paths.
func referenced(t *testing.T, handler http.Handler) []string {
	t.Helper()
	var found []string
	for _, page := range pages() {
		_, body := ask(t, handler, http.MethodGet, page)
		for _, match := range reference.FindAllStringSubmatch(body, -1) {
			if target := match[1]; !strings.HasPrefix(target, "#") {
				found = append(found, "/console/"+strings.TrimPrefix(target, "./"))
			}
		}
	}
	for _, sheet := range found {
		if !strings.Contains(sheet, "/operations.") {
			continue
		}
		_, body := ask(t, handler, http.MethodGet, sheet)
		for _, match := range regexp.MustCompile(`@import url\("([^"]+)"\)`).FindAllStringSubmatch(body, -1) {
			found = append(found, "/console/assets/"+match[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestPagesListEveryAPIAndMarkTheirOwn(t *testing.T) {
	t.Parallel()
	handler := newConsole(t)
	for _, page := range pages() {
		answer, body := ask(t, handler, http.MethodGet, page)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", page, answer.Status)
		}
		for _, name := range openapi.Names() {
			current := strings.Contains(body, `href="`+name+`" aria-current="page"`)
			if want := page == "/console/"+name; current != want {
				t.Errorf("%s marks %s as its own: %v, want %v", page, name, current, want)
			}
			if !strings.Contains(body, "The API "+name) {
				t.Errorf("%s does not name %s", page, name)
			}
		}
	}
}

func TestStartPageSaysInTwoSentencesWhatEachAPIIsFor(t *testing.T) {
	t.Parallel()
	_, body := ask(t, newConsole(t), http.MethodGet, "/console/")
	for _, name := range openapi.Names() {
		_, row, _ := strings.Cut(body, `<h2><a href="`+name+`">`)
		row, _, _ = strings.Cut(row, "</li>")
		_, text, _ := strings.Cut(row, "<p>")
		text, _, _ = strings.Cut(text, "</p>")
		if sentences := strings.Count(text+" ", ". "); sentences != 2 {
			t.Errorf("%s is described in %d sentences: %q", name, sentences, text)
		}
	}
}

func TestEveryReferenceOfThePagesIsServed(t *testing.T) {
	t.Parallel()
	handler := newConsole(t)
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml; charset=utf-8",
		".txt": "text/plain; charset=utf-8", ".json": "application/json; charset=utf-8", "": "text/html; charset=utf-8",
	}
	targets := referenced(t, handler)
	for _, want := range []string{"swagger-ui-bundle", "swagger-ui.", "console.", "theme.", "favicon", "notices.txt", "api/placement.json"} {
		if !slices.ContainsFunc(targets, func(target string) bool { return strings.Contains(target, want) }) {
			t.Errorf("no page refers to %s: %v", want, targets)
		}
	}
	for _, target := range targets {
		answer, _ := ask(t, handler, http.MethodGet, target)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", target, answer.Status)
		}
		extension := regexp.MustCompile(`\.[a-z]+$`).FindString(target)
		if got := answer.Header.Get("Content-Type"); got != types[extension] {
			t.Errorf("%s has Content-Type %q, want %q", target, got, types[extension])
		}
		wantCache := "no-cache"
		if strings.HasPrefix(target, "/console/assets/") {
			wantCache = "public, max-age=31536000, immutable"
		}
		if got := answer.Header.Get("Cache-Control"); got != wantCache {
			t.Errorf("%s has Cache-Control %q, want %q", target, got, wantCache)
		}
	}
}

func TestEveryAnswerIsConfined(t *testing.T) {
	t.Parallel()
	handler := newConsole(t)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
			"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	for _, target := range append(referenced(t, handler), "/console/", "/console/nothing", "/elsewhere") {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			answer, _ := ask(t, handler, method, target)
			for name, value := range want {
				if got := answer.Header.Get(name); got != value {
					t.Errorf("%s %s has %s %q, want %q", method, target, name, got, value)
				}
			}
		}
	}
}

func TestWhatIsNotServed(t *testing.T) {
	t.Parallel()
	handler := newConsole(t)
	for target, want := range map[string]int{
		"/console/nothing":                             http.StatusNotFound,
		"/console/api/":                                http.StatusNotFound,
		"/console/api/common.json":                     http.StatusNotFound,
		"/console/assets/":                             http.StatusNotFound,
		"/console/assets/console.css":                  http.StatusNotFound,
		"/console/swagger-ui/VENDOR":                   http.StatusNotFound,
		"/console/web/page.html":                       http.StatusNotFound,
		"/console/..\\console.go":                      http.StatusNotFound,
		"/console/assets/..%2f..%2fconsole.go":         http.StatusNotFound,
		"/console/placement/":                          http.StatusNotFound,
		"/console/assets/../../console.go":             http.StatusTemporaryRedirect, // to the cleaned path, which is not ours
		"/console/../../../../../../../../etc/passwd":  http.StatusTemporaryRedirect,
		"/console/api/../../../../../../../etc/passwd": http.StatusTemporaryRedirect,
	} {
		answer, body := ask(t, handler, http.MethodGet, target)
		if answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", target, answer.Status, want)
		}
		if strings.Contains(body, "package console") || strings.Contains(body, "root:") {
			t.Errorf("%s shows a file of the host: %.80s", target, body)
		}
	}
	answer, _ := ask(t, handler, http.MethodPost, "/console/")
	if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST is answered %s, Allow %q", answer.Status, answer.Header.Get("Allow"))
	}
}

func TestCompressedAndPlainAnswersAreTheSame(t *testing.T) {
	t.Parallel()
	handler := newConsole(t)
	for _, target := range append(referenced(t, handler), "/console/") {
		plainAnswer, plain := ask(t, handler, http.MethodGet, target)
		if encoding := plainAnswer.Header.Get("Content-Encoding"); encoding != "" {
			t.Errorf("%s comes as %q to a client that did not ask", target, encoding)
		}
		answer, compressed := ask(t, handler, http.MethodGet, target, "Accept-Encoding", "br, gzip;q=0.8")
		if encoding := answer.Header.Get("Content-Encoding"); encoding != "gzip" {
			t.Fatalf("%s comes as %q to a client that takes gzip", target, encoding)
		}
		reader, err := gzip.NewReader(strings.NewReader(compressed))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if string(unpacked) != plain {
			t.Errorf("%s differs between its encodings", target)
		}
		tag, plainTag := answer.Header.Get("ETag"), plainAnswer.Header.Get("ETag")
		if tag == "" || tag == plainTag {
			t.Errorf("%s has the entity tags %s and %s for its two encodings", target, tag, plainTag)
		}
		again, _ := ask(t, handler, http.MethodGet, target, "Accept-Encoding", "gzip", "If-None-Match", tag)
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s with its own entity tag: %s", target, again.Status)
		}
		refused, _ := ask(t, handler, http.MethodGet, target, "Accept-Encoding", "gzip;q=0")
		if encoding := refused.Header.Get("Content-Encoding"); encoding != "" {
			t.Errorf("%s comes as %q to a client that refuses gzip", target, encoding)
		}
	}
}

func TestDocumentsAreServedAsGivenAndStandAlone(t *testing.T) {
	t.Parallel()
	handler := newConsole(t)
	for _, name := range openapi.Names() {
		want, err := openapi.JSON(name)
		if err != nil {
			t.Fatal(err)
		}
		_, got := ask(t, handler, http.MethodGet, "/console/api/"+name+".json")
		if got != string(want) {
			t.Errorf("%s.json is not the document that was given", name)
		}
		for _, match := range regexp.MustCompile(`"\$ref":\s*"([^"]*)"`).FindAllStringSubmatch(got, -1) {
			if !strings.HasPrefix(match[1], "#/") {
				t.Errorf("%s.json refers to another file, %s", name, match[1])
			}
		}
	}
}

func TestHandlerRefusesDocumentsThatCannotBeShown(t *testing.T) {
	t.Parallel()
	good := console.Document{Name: "placement", Title: "Placement", JSON: json.RawMessage(`{}`)}
	for name, docs := range map[string][]console.Document{
		`"../etc"`:        {{Name: "../etc", Title: "x", JSON: good.JSON}},
		`""`:              {{Title: "x", JSON: good.JSON}},
		"two documents":   {good, good},
		"needs a title":   {{Name: "grant", JSON: good.JSON}},
		"not valid JSON":  {{Name: "grant", Title: "x", JSON: []byte("openapi: 3.0.3")}},
		"the document \"": {good, {Name: "grant", Title: "x"}},
	} {
		if _, err := console.Handler(docs...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error about %s, have %v", name, err)
		}
	}
}

func TestTitlesAreEscaped(t *testing.T) {
	t.Parallel()
	handler, err := console.Handler(console.Document{Name: "x", Title: `<script>alert(1)</script>`, JSON: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, body := ask(t, handler, http.MethodGet, "/console/x")
	if bytes.Contains([]byte(body), []byte("<script>")) {
		t.Error("a title became a script")
	}
}
