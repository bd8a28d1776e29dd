package stub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// The versions that Tacker names: of granting, of VNF package management, and of its own VNF LCM interface.
const (
	tackerGrantVersion   = "1.4.0"
	tackerPackageVersion = "2.1.0"
	tackerLCMVersion     = "2.0.0"
)

// Tacker is a VNFM that behaves as the v2 API of OpenStack Tacker does: it has one address for grants and packages, gets a token with
// its certificate for every request, sends the same Accept with all of them, takes 201 and nothing else for a grant, and reads
// problems only of exactly the right media type.
type Tacker struct {
	// Endpoint is the base of its NFVO's APIs, without a slash at the end.
	Endpoint string
	// TokenURL is where it gets its tokens, as ClientID.
	TokenURL, ClientID string
	// HTTP shows its certificate, at both.
	HTTP *http.Client
	// LCM is the base of its own interface.
	LCM string
	// VIM is where it creates servers.
	VIM VIM

	// Grants and Notifications count what was answered as it needs it; Packages the answers of the package API.
	Grants, Notifications, Packages int
}

// VIM creates and deletes servers.
type VIM interface {
	// Began is called when an operation has its grant, before anything is done.
	Began(op *Operation)
	// Create creates the server of a resource definition in a zone, and returns its id.
	Create(ctx context.Context, resourceDefinitionID, zone string) (string, error)
	// Delete deletes servers by their ids.
	Delete(ctx context.Context, resourceIDs []string) error
	// Settled is called when all servers of an operation are as they are to be.
	Settled(ctx context.Context) error
}

// TackerGrant is a grant as Tacker reads it.
type TackerGrant struct {
	Grant

	VIMConnectionInfo map[string]struct {
		VIMID         string         `json:"vimId"`
		VIMType       string         `json:"vimType"`
		InterfaceInfo map[string]any `json:"interfaceInfo"`
		AccessInfo    map[string]any `json:"accessInfo"`
	} `json:"vimConnectionInfo"`
	VIMAssets struct {
		ComputeResourceFlavours []struct {
			VNFDID string `json:"vnfdVirtualComputeDescId"`
			VIMID  string `json:"vimFlavourId"`
		} `json:"computeResourceFlavours"`
		SoftwareImages []struct {
			VNFDID string `json:"vnfdSoftwareImageId"`
			VIMID  string `json:"vimSoftwareImageId"`
		} `json:"softwareImages"`
	} `json:"vimAssets"`
}

// Flavour is what the VIM calls the flavour of a VDU; empty: it was not told.
func (g *TackerGrant) Flavour(vdu string) string {
	for _, f := range g.VIMAssets.ComputeResourceFlavours {
		if f.VNFDID == vdu {
			return f.VIMID
		}
	}
	return ""
}

// Image is what the VIM calls the image of a VDU or a storage; empty: it was not told.
func (g *TackerGrant) Image(id string) string {
	for _, i := range g.VIMAssets.SoftwareImages {
		if i.VNFDID == id {
			return i.VIMID
		}
	}
	return ""
}

// token gets a token with the certificate, as Tacker does before each request.
func (t *Tacker) token(ctx context.Context) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.ClientID}}
	const kind = "application/x-www-form-urlencoded"
	answer, err := t.send(ctx, http.MethodPost, t.TokenURL, http.Header{"Accept": {kind}, "Content-Type": {kind}}, []byte(form.Encode()))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	switch {
	case err != nil:
		return "", err
	case answer.Status != http.StatusOK:
		return "", fmt.Errorf("token: %d %s", answer.Status, answer.Body)
	}
	err = json.Unmarshal(answer.Body, &token)
	return token.AccessToken, err
}

// do makes a request of one status that Tacker takes; any other is an error as Tacker shows it to its user.
func (t *Tacker) do(ctx context.Context, method, path, version string, body any, status int) (Answer, error) {
	token, err := t.token(ctx)
	if err != nil {
		return Answer{}, err
	}
	header := http.Header{"Accept": {TypeJSON}, "Version": {version}, "Authorization": {"Bearer " + token}}
	var content []byte
	if body != nil {
		if content, err = json.Marshal(body); err != nil {
			return Answer{}, err
		}
		header.Set("Content-Type", TypeJSON)
	}
	answer, err := t.send(ctx, method, t.Endpoint+path, header, content)
	if err != nil {
		return answer, err
	}
	if used := answer.Header.Get("Version"); used != version {
		return answer, fmt.Errorf("%s %s: version %q was asked for and %q used", method, path, version, used)
	}
	if answer.Status != status {
		return answer, fmt.Errorf("%s %s: %w", method, path, answer.problem())
	}
	return answer, nil
}

func (t *Tacker) send(ctx context.Context, method, address string, header http.Header, body []byte) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	request.Header = header
	response, err := t.HTTP.Do(request)
	if err != nil {
		return Answer{}, err
	}
	content, err := io.ReadAll(response.Body)
	return Answer{Status: response.StatusCode, Header: response.Header, Body: content}, errors.Join(err, response.Body.Close())
}

// ask asks for a grant, and checks of it what Tacker needs.
func (t *Tacker) ask(ctx context.Context, r *GrantRequest) (*TackerGrant, error) {
	answer, err := t.do(ctx, http.MethodPost, "/grant/v1/grants", tackerGrantVersion, r, http.StatusCreated)
	if err != nil {
		return nil, err
	}
	var g TackerGrant
	if err := answer.Decode(&g); err != nil {
		return nil, err
	}
	v := &VNFM{Dialect: TackerV2}
	faults := []error{v.checkAnswer(answer, &g.Grant), v.Check(r, &g.Grant)}
	for _, d := range r.AddResources {
		if d.Type == "COMPUTE" && !strings.HasPrefix(g.ZoneOf(d.ID), "nova:") {
			faults = append(faults, fmt.Errorf("no zone of Nova for %s", d.ID))
		}
	}
	for id := range g.VIMConnectionInfo {
		if c := g.VIMConnectionInfo[id]; c.AccessInfo == nil || c.InterfaceInfo == nil {
			faults = append(faults, fmt.Errorf("the connection %s would be looked up in Tacker's own list of VIMs", id))
		}
	}
	if r.Operation == "INSTANTIATE" && len(g.VIMConnectionInfo) == 0 {
		faults = append(faults, errors.New("no VIM connection for an instantiation"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	t.Grants++
	return &g, nil
}

// ZoneOf is the name in the VIM of the zone of a new resource.
func (g *TackerGrant) ZoneOf(resourceDefinitionID string) string {
	for i := range g.AddResources {
		if g.AddResources[i].ResourceDefinitionID == resourceDefinitionID {
			if z := g.zone(g.AddResources[i].ZoneID); z != nil {
				return z.ZoneID
			}
		}
	}
	return ""
}
