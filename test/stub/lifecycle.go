package stub

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// Lifecycle is the VNF lifecycle management interface (SOL003, /vnflcm/v2) of a VNFM: it keeps subscriptions, answers for
// operations, and tests and calls the callback as a subscriber asked for.
type Lifecycle struct {
	// Admits tells whether a request may be served; 401 otherwise. nil: every one.
	Admits func(*http.Request) bool
	// Reaches calls a callback; nil: callbacks are not tested.
	Reaches func(ctx context.Context, method string, s *LifecycleSubscription, body []byte) (status int, err error)

	mu            sync.Mutex
	subscriptions []*LifecycleSubscription
	operations    map[string]any
	answers       []func(http.ResponseWriter) // to the next requests, in place of what is due
	requests      []string
}

// LifecycleSubscription is what a subscriber asked for. Answers leave the authentication out.
type LifecycleSubscription struct {
	ID             string         `json:"id"`
	Filter         map[string]any `json:"filter"`
	CallbackURI    string         `json:"callbackUri"`
	Authentication map[string]any `json:"authentication,omitempty"`
}

// Subscriptions are those that there are.
func (l *Lifecycle) Subscriptions() []LifecycleSubscription {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []LifecycleSubscription
	for _, s := range l.subscriptions {
		out = append(out, *s)
	}
	return out
}

// Forget loses all subscriptions.
func (l *Lifecycle) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscriptions = nil
}

// Answer has the next requests that are admitted answered otherwise.
func (l *Lifecycle) Answer(with ...func(http.ResponseWriter)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, with...)
}

// Operation sets what is answered about an operation occurrence.
func (l *Lifecycle) Operation(id string, occurrence any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.operations == nil {
		l.operations = map[string]any{}
	}
	l.operations[id] = occurrence
}

// Requests are the methods and paths of what was admitted so far.
func (l *Lifecycle) Requests() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

// ServeHTTP answers.
func (l *Lifecycle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.Admits != nil && !l.Admits(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	l.mu.Lock()
	l.requests = append(l.requests, r.Method+" "+r.URL.Path)
	var instead func(http.ResponseWriter)
	if len(l.answers) > 0 {
		instead, l.answers = l.answers[0], l.answers[1:]
	}
	l.mu.Unlock()
	w.Header().Set("Version", "2.0.0")
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case instead != nil:
		instead(w)
	case strings.HasSuffix(r.URL.Path, "/vnflcm/v2/subscriptions") && r.Method == http.MethodPost:
		l.subscribe(w, r)
	case strings.HasSuffix(r.URL.Path, "/vnflcm/v2/subscriptions"):
		l.list(w)
	case strings.Contains(r.URL.Path, "/vnflcm/v2/subscriptions/"):
		l.one(w, r.Method, id)
	case strings.Contains(r.URL.Path, "/vnflcm/v2/vnf_lcm_op_occs/"):
		l.mu.Lock()
		o, known := l.operations[id]
		l.mu.Unlock()
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		writeJSON(w, http.StatusOK, o)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (l *Lifecycle) subscribe(w http.ResponseWriter, r *http.Request) {
	s := &LifecycleSubscription{ID: uuid.NewString()}
	if err := json.NewDecoder(r.Body).Decode(s); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if l.Reaches != nil {
		if status, err := l.Reaches(r.Context(), http.MethodGet, s, nil); err != nil || status != http.StatusNoContent {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
	}
	l.mu.Lock()
	l.subscriptions = append(l.subscriptions, s)
	l.mu.Unlock()
	w.Header().Set("Location", "https://elsewhere.example.net/vnflcm/v2/subscriptions/"+s.ID)
	writeJSON(w, http.StatusCreated, map[string]any{"id": s.ID, "callbackUri": s.CallbackURI, "filter": s.Filter})
}

func (l *Lifecycle) list(w http.ResponseWriter) {
	list := []map[string]any{}
	for _, s := range l.Subscriptions() {
		list = append(list, map[string]any{"id": s.ID, "callbackUri": s.CallbackURI, "filter": s.Filter})
	}
	writeJSON(w, http.StatusOK, list)
}

func (l *Lifecycle) one(w http.ResponseWriter, method, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.subscriptions, func(s *LifecycleSubscription) bool { return s.ID == id })
	switch {
	case i < 0:
		w.WriteHeader(http.StatusNotFound)
	case method == http.MethodDelete:
		l.subscriptions = slices.Delete(l.subscriptions, i, i+1)
		w.WriteHeader(http.StatusNoContent)
	default:
		s := l.subscriptions[i]
		writeJSON(w, http.StatusOK, map[string]any{"id": s.ID, "callbackUri": s.CallbackURI, "filter": s.Filter})
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", TypeJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
