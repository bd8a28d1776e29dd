package stub

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
)

// Notification is what a subscriber to policies reads of a notification (SOL012), with all of it in Raw.
type Notification struct {
	ID                      string   `json:"id"`
	Type                    string   `json:"notificationType"`
	SubscriptionID          string   `json:"subscriptionId"`
	PolicyID                string   `json:"policyId"`
	ChangeType              string   `json:"changeType"`
	AffectedVersion         string   `json:"affectedVersion"`
	PreviousSelectedVersion string   `json:"previousSelectedVersion"`
	PolicyIDs               []string `json:"policyIds"`

	Modifications map[string]any `json:"policyModifications"`
	Raw           []byte         `json:"-"`
}

// Subscriber is a callback endpoint: it passes its test and keeps what it is told. The zero value is ready.
type Subscriber struct {
	// UserName and Password are asked of every request, where they are not empty.
	UserName, Password string
	// Receive, where it is not nil, is called with each notification before it is kept, and says how it is answered.
	Receive func(Notification) int

	mu     sync.Mutex
	got    []Notification
	tests  int
	faults []string
}

// Got is what was kept so far, in the order of its coming.
func (s *Subscriber) Got() []Notification {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// Tests is how often the endpoint was tested.
func (s *Subscriber) Tests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tests
}

// Faults is what requests were that no producer of SOL012 sends.
func (s *Subscriber) Faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

// ServeHTTP answers the test of the endpoint, and notifications.
func (s *Subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	switch {
	case s.UserName != "" && (user != s.UserName || password != s.Password):
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodGet:
		s.note(func() { s.tests++ })
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != TypeJSON || r.Header.Get("Version") == "":
		s.note(func() { s.faults = append(s.faults, r.Method+" with Content-Type "+r.Header.Get("Content-Type")) })
		w.WriteHeader(http.StatusBadRequest)
	default:
		w.WriteHeader(s.receive(r.Body))
	}
}

func (s *Subscriber) receive(body io.Reader) int {
	var n Notification
	text, err := io.ReadAll(body)
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err != nil || n.ID == "" || n.SubscriptionID == "" {
		s.note(func() { s.faults = append(s.faults, "no notification: "+string(text)) })
		return http.StatusBadRequest
	}
	n.Raw = text
	status := http.StatusNoContent
	if s.Receive != nil {
		status = s.Receive(n)
	}
	if status == http.StatusNoContent {
		s.note(func() { s.got = append(s.got, n) })
	}
	return status
}

func (s *Subscriber) note(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
}
