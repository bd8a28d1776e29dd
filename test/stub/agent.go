package stub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Agent stands on one host: it reads the host's directives in their order, carries them out on a host in memory,
// acknowledges them, and reports what it sees. Its methods may be called at the same time.
type Agent struct {
	// Silent agents carry out directives and acknowledge none. Set it before the first Step.
	Silent bool
	// Fail says why a directive cannot be carried out; empty: it can. Nil: all can.
	Fail func(*Directive) string

	client Client
	hostID string

	mu       sync.Mutex
	keys     Keys
	after    int64
	reported string // ETag of the newest report; empty: none
	state    HostState
	log      []Directive
}

// NewAgent is the agent of a host that runs nothing yet.
func NewAgent(client Client, hostID string) *Agent {
	return &Agent{client: client, hostID: hostID, state: newHostState()}
}

// HostID is the host that the agent stands on.
func (a *Agent) HostID() string { return a.hostID }

// State is a copy of what runs and lies on the host now.
func (a *Agent) State() HostState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state.clone()
}

// Directives are those that the agent has read so far, in their order.
func (a *Agent) Directives() []Directive {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Directive(nil), a.log...)
}

// Forget makes the agent read its feed from the beginning, as after the loss of its disk. What runs stays.
func (a *Agent) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.after, a.reported, a.log = 0, "", nil
}

// Stop ends a workload on the host without being told to, as a crash does.
func (a *Agent) Stop(residencyID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.state.Workloads, residencyID)
}

// ByHand changes what runs and lies on the host behind the agent's back.
func (a *Agent) ByHand(change func(*HostState)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.state)
}

// Step reads the directives that follow, waiting for the first one if there is none, verifies them, carries them out and
// acknowledges each. It returns how many there were. It stops at one that must not be followed: of another host, out of
// order, or not signed.
func (a *Agent) Step(ctx context.Context, wait time.Duration) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	query := url.Values{"after": {fmt.Sprint(a.after)}}
	if wait > 0 {
		query.Set("wait", wait.String())
	}
	var texts []json.RawMessage
	if _, err := a.client.Do(ctx, http.MethodGet, "/directives/v1/hosts/"+url.PathEscape(a.hostID)+"/directives?"+query.Encode(), nil, &texts); err != nil {
		return 0, fmt.Errorf("directives of %s: %w", a.hostID, err)
	}
	for i, text := range texts {
		if err := a.follow(ctx, text); err != nil {
			return i, fmt.Errorf("host %s after directive %d: %w", a.hostID, a.after, err)
		}
	}
	return len(texts), nil
}

// follow verifies one directive, carries it out and acknowledges it.
func (a *Agent) follow(ctx context.Context, text json.RawMessage) error {
	d := Directive{Text: text}
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	if err := a.verify(ctx, text); err != nil {
		return err
	}
	if d.HostID != a.hostID {
		return fmt.Errorf("the directive is for host %s", d.HostID)
	}
	if d.Seq != a.after+1 {
		return fmt.Errorf("the directive has the number %d: the feed has a gap", d.Seq)
	}
	ack := map[string]any{"hostId": a.hostID, "seq": d.Seq, "outcome": "APPLIED"}
	if detail := a.carryOut(&d); detail != "" {
		ack["outcome"], ack["detail"] = "FAILED", detail
	}
	if !a.Silent {
		if _, err := a.client.Do(ctx, http.MethodPost, "/directives/v1/acks", ack, nil); err != nil {
			return fmt.Errorf("acknowledge %d: %w", d.Seq, err)
		}
	}
	a.after = d.Seq
	a.log = append(a.log, d)
	return nil
}

// carryOut changes the host as a directive says, and says why it could not; empty: it could.
func (a *Agent) carryOut(d *Directive) string {
	if a.Fail != nil {
		if detail := a.Fail(d); detail != "" {
			return detail
		}
	}
	if err := a.state.apply(d); err != nil {
		return err.Error()
	}
	return ""
}

// verify checks the signature, and reads the keys again when it names one that is not known.
func (a *Agent) verify(ctx context.Context, text []byte) error {
	err := a.keys.Verify(text)
	if _, unknown := errors.AsType[unknownKey](err); !unknown {
		return err
	}
	keys, err := ReadKeys(ctx, a.client)
	if err != nil {
		return err
	}
	a.keys = keys
	return a.keys.Verify(text)
}

// Observation is what followed from a report.
type Observation struct {
	Changed               bool     `json:"changed"`
	ConfirmedResidencyIDs []string `json:"confirmedResidencyIds"`
	EndedResidencyIDs     []string `json:"endedResidencyIds"`
	MissingResidencyIDs   []string `json:"missingResidencyIds"`
	Unmatched             int      `json:"unmatched"`
}

// Report tells ringfence what runs and lies on the host: on the condition that nobody else reported meanwhile, else anew
// without it.
func (a *Agent) Report(ctx context.Context) (Observation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	report, err := json.Marshal(a.state.report(time.Now()))
	if err != nil {
		return Observation{}, err
	}
	header := http.Header{"Accept": {TypeJSON}, "Content-Type": {TypeJSON}}
	if a.reported != "" {
		header.Set("If-Match", a.reported)
	}
	path := "/directives/v1/hosts/" + url.PathEscape(a.hostID) + "/observed_state"
	answer, err := a.client.Send(ctx, http.MethodPut, path, header, report)
	if err == nil && answer.Status == http.StatusPreconditionFailed {
		header.Del("If-Match")
		answer, err = a.client.Send(ctx, http.MethodPut, path, header, report)
	}
	if err != nil {
		return Observation{}, fmt.Errorf("report of %s: %w", a.hostID, err)
	}
	var o Observation
	if err := answer.Decode(&o); err != nil {
		return Observation{}, fmt.Errorf("report of %s: %w", a.hostID, err)
	}
	a.reported = answer.Header.Get("ETag")
	return o, nil
}

// Run follows directives as they come, and reports after each answer that held some, until the context ends. Errors that
// may pass (no answer, 503) are waited out.
func (a *Agent) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := a.Step(ctx, 20*time.Second)
		if err == nil && n > 0 {
			_, err = a.Report(ctx)
		}
		switch {
		case err == nil || ctx.Err() != nil:
		case passing(err):
			pause(ctx, 100*time.Millisecond)
		default:
			return err
		}
	}
	return nil
}

// passing errors go away by themselves: there was no answer, or ringfence cannot answer now.
func passing(err error) bool {
	var problem *Problem
	var network *url.Error
	return errors.As(err, &network) || errors.As(err, &problem) && problem.Status == http.StatusServiceUnavailable
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
