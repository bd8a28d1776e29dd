package stub

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// NFVO is the granting interface (SOL003, /grant/v1) of an NFVO that others ask.
type NFVO struct {
	// Admits tells whether a request may be served; 401 otherwise. nil: every one.
	Admits func(*http.Request) bool
	// Decide answers a grant request: a status and a body; nil: it agrees to everything.
	Decide func(r *http.Request, request map[string]any) (status int, body any)
	// Later has requests answered 202, and the answer given when it is asked for so often.
	Later int

	mu      sync.Mutex
	asked   []map[string]any
	waiting map[string]*waiting
}

type waiting struct {
	polls  int
	status int
	body   any
}

// Asked are the requests so far.
func (n *NFVO) Asked() []map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]map[string]any{}, n.asked...)
}

// Agreed is a grant for exactly what a request lists.
func Agreed(request map[string]any) map[string]any {
	grant := map[string]any{
		"id": uuid.NewString(), "vnfInstanceId": request["vnfInstanceId"], "vnfLcmOpOccId": request["vnfLcmOpOccId"], "_links": map[string]any{
			"self": Link{Href: "https://nfvo.invalid/grant"}, "vnfInstance": Link{Href: "https://nfvo.invalid/i"}, "vnfLcmOpOcc": Link{Href: "https://nfvo.invalid/o"},
		},
	}
	for _, name := range []string{"addResources", "tempResources", "removeResources", "updateResources"} {
		var infos []map[string]any
		list, _ := request[name].([]any)
		for _, rd := range list {
			definition, _ := rd.(map[string]any)
			infos = append(infos, map[string]any{"resourceDefinitionId": definition["id"]})
		}
		if infos != nil {
			grant[name] = infos
		}
	}
	return grant
}

// ServeHTTP answers.
func (n *NFVO) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n.Admits != nil && !n.Admits(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Version", "1.4.0")
	if r.Method == http.MethodGet {
		n.poll(w, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		return
	}
	var request map[string]any
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	n.asked = append(n.asked, request)
	n.mu.Unlock()
	status, answer := http.StatusCreated, any(Agreed(request))
	if n.Decide != nil {
		status, answer = n.Decide(r, request)
	}
	id := uuid.NewString()
	w.Header().Set("Location", "https://nfvo.invalid/grant/v1/grants/"+id)
	if n.Later > 0 {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.waiting == nil {
			n.waiting = map[string]*waiting{}
		}
		n.waiting[id] = &waiting{n.Later, status, answer}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	writeJSON(w, status, answer)
}

func (n *NFVO) poll(w http.ResponseWriter, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	due := n.waiting[id]
	if due == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if due.polls--; due.polls > 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	status := due.status
	if status == http.StatusCreated {
		status = http.StatusOK
	}
	writeJSON(w, status, due.body)
}
