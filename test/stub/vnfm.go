package stub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Dialect is how a kind of VNFM writes its requests.
type Dialect int

// The dialects.
const (
	// SOL003Containers is a VNFM of SOL003 4.x for containers: pods that name their VDU and list their containers.
	SOL003Containers Dialect = iota
	// TackerV2 asks for virtual machines, names VDUs as templates, and takes no answer but 201.
	TackerV2
	// TackerV1 does so without a Version header, and sends its body as a JSON string that holds the request.
	TackerV1
)

// version is the Version header that the dialect sends; empty: none.
func (d Dialect) version() string {
	return [...]string{SOL003Containers: "1.12.0", TackerV2: "1.4.0", TackerV1: ""}[d]
}

// VNFM asks for grants. It repeats a request, byte for byte, until it is answered.
type VNFM struct {
	Client
	Dialect Dialect
	// Links is the base of the LCM resources that requests refer to; ringfence copies such references and never follows them.
	Links string
	// FirstWait is the time before the first repetition, which doubles with each; 0: 50 ms.
	FirstWait time.Duration
	// MostWait bounds it, and what Retry-After asks; 0: 2 s.
	MostWait time.Duration
	// Repeats is told why a request is sent again; nil: nobody is.
	Repeats func(reason error)
}

// NewRequest begins the request of a new LCM operation occurrence.
func (v *VNFM) NewRequest(operation, vnfdID, vnfInstanceID string) *GrantRequest {
	occurrence := uuid.NewString()
	base := v.Links
	if base == "" {
		base = "http://vnfm.invalid"
	}
	return &GrantRequest{
		VNFInstanceID: vnfInstanceID, VNFLcmOpOccID: occurrence, VNFDID: vnfdID, FlavourID: "default", Operation: operation,
		Links: map[string]Link{
			"vnfLcmOpOcc": {Href: base + "/vnflcm/v2/vnf_lcm_op_occs/" + occurrence},
			"vnfInstance": {Href: base + "/vnflcm/v2/vnf_instances/" + vnfInstanceID},
		},
	}
}

// Resource describes one resource of a component, as the dialect does.
func (v *VNFM) Resource(id, component string) ResourceDefinition {
	if v.Dialect == SOL003Containers {
		return ResourceDefinition{ID: id, Type: "OSCONTAINER", VDUID: component, ResourceTemplateID: []string{component}}
	}
	return ResourceDefinition{ID: id, Type: "COMPUTE", ResourceTemplateID: component}
}

// Encode writes a request as the dialect does.
func (v *VNFM) Encode(r *GrantRequest) ([]byte, error) {
	body, err := json.Marshal(r)
	if err == nil && v.Dialect == TackerV1 {
		body, err = json.Marshal(string(body))
	}
	return body, err
}

// Ask asks for a grant until there is an answer: on 503, and when there is none, it waits and sends the same bytes again.
// A refusal is a *Problem that says Refused. A grant that does not fit the request is an error.
func (v *VNFM) Ask(ctx context.Context, r *GrantRequest) (*Grant, error) {
	body, err := v.Encode(r)
	if err != nil {
		return nil, err
	}
	answer, err := v.post(ctx, body)
	if err != nil {
		return nil, err
	}
	var g Grant
	if err := answer.Decode(&g); err != nil {
		return nil, err
	}
	return &g, errors.Join(v.checkAnswer(answer, &g), v.Check(r, &g))
}

func (v *VNFM) post(ctx context.Context, body []byte) (Answer, error) {
	wait := v.FirstWait
	if wait == 0 {
		wait = 50 * time.Millisecond
	}
	for ; ; wait *= 2 {
		answer, err := v.Send(ctx, http.MethodPost, "/grant/v1/grants", v.header(), body)
		if err == nil && answer.Status != http.StatusServiceUnavailable {
			return answer, nil
		}
		if err == nil {
			err = answer.problem()
			if seconds, wrong := strconv.Atoi(answer.Header.Get("Retry-After")); wrong == nil {
				wait = max(wait, time.Duration(seconds)*time.Second)
			}
		}
		if v.Repeats != nil {
			v.Repeats(err)
		}
		wait = min(wait, v.mostWait())
		select {
		case <-ctx.Done():
			return Answer{}, fmt.Errorf("unanswered: %w", errors.Join(ctx.Err(), err))
		case <-time.After(wait):
		}
	}
}

func (v *VNFM) mostWait() time.Duration {
	if v.MostWait == 0 {
		return 2 * time.Second
	}
	return v.MostWait
}

func (v *VNFM) header() http.Header {
	header := http.Header{"Accept": {TypeJSON}, "Content-Type": {TypeJSON}}
	if version := v.Dialect.version(); version != "" {
		header.Set("Version", version)
	}
	return header
}

// Read reads a grant again.
func (v *VNFM) Read(ctx context.Context, id string) (*Grant, error) {
	header := v.header()
	header.Del("Content-Type")
	answer, err := v.Send(ctx, http.MethodGet, "/grant/v1/grants/"+id, header, nil)
	if err != nil {
		return nil, err
	}
	var g Grant
	return &g, answer.Decode(&g)
}
