package stub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// uuid4 is the form of id that the strictest VNFM takes.
var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// checkAnswer checks what VNFMs check of the answer around a grant.
func (v *VNFM) checkAnswer(a Answer, g *Grant) error {
	var faults []error
	if a.Status != http.StatusCreated {
		faults = append(faults, fmt.Errorf("the grant is answered %d, not 201", a.Status))
	}
	location, err := url.Parse(a.Header.Get("Location"))
	if err != nil || !location.IsAbs() || !strings.HasSuffix(location.Path, "/grant/v1/grants/"+g.ID) {
		faults = append(faults, fmt.Errorf("the Location of grant %s is %q", g.ID, a.Header.Get("Location")))
	}
	if asked, used := v.Dialect.version(), a.Header.Get("Version"); used == "" || asked != "" && used != asked {
		faults = append(faults, fmt.Errorf("version %q was asked for and %q used", asked, used))
	}
	if bytes.Contains(a.Body, []byte("null")) && hasNull(a.Body) {
		faults = append(faults, errors.New("the grant has an attribute that is null"))
	}
	return errors.Join(faults...)
}

// hasNull says whether a member or an element anywhere in the JSON text is null.
func hasNull(text []byte) bool {
	tokens := json.NewDecoder(bytes.NewReader(text))
	for {
		token, err := tokens.Token()
		if err != nil {
			return false
		}
		if token == nil {
			return true
		}
	}
}

// Check checks a grant against its request: the same resources in the same order, a place for each that is new, and
// references that lead somewhere.
func (v *VNFM) Check(r *GrantRequest, g *Grant) error {
	var faults []error
	fault := func(format string, values ...any) { faults = append(faults, fmt.Errorf(format, values...)) }
	if !uuid4.MatchString(g.ID) {
		fault("the grant's id %q is no lower-case UUID of version 4", g.ID)
	}
	if g.VNFInstanceID != r.VNFInstanceID || g.VNFLcmOpOccID != r.VNFLcmOpOccID {
		fault("the grant is for %s of %s", g.VNFLcmOpOccID, g.VNFInstanceID)
	}
	if !strings.HasSuffix(g.Links["self"].Href, "/grant/v1/grants/"+g.ID) {
		fault("the grant's link to itself is %q", g.Links["self"].Href)
	}
	for _, name := range []string{"vnfLcmOpOcc", "vnfInstance"} {
		if g.Links[name] != r.Links[name] {
			fault("the link %s became %q", name, g.Links[name].Href)
		}
	}
	for _, list := range []struct {
		name    string
		asked   []ResourceDefinition
		granted []GrantInfo
		fresh   bool
	}{
		{"addResources", r.AddResources, g.AddResources, true},
		{"tempResources", r.TempResources, g.TempResources, true},
		{"removeResources", r.RemoveResources, g.RemoveResources, false},
		{"updateResources", r.UpdateResources, g.UpdateResources, false},
	} {
		if len(list.asked) != len(list.granted) {
			fault("%s: %d resources were asked for and %d granted", list.name, len(list.asked), len(list.granted))
			continue
		}
		for i := range list.asked {
			if err := checkInfo(&list.asked[i], &list.granted[i], g, list.fresh); err != nil {
				fault("%s[%d]: %w", list.name, i, err)
			}
		}
	}
	return errors.Join(faults...)
}

func checkInfo(asked *ResourceDefinition, granted *GrantInfo, g *Grant, fresh bool) error {
	if granted.ResourceDefinitionID != asked.ID {
		return fmt.Errorf("%s was asked for and %s granted", asked.ID, granted.ResourceDefinitionID)
	}
	placed := fresh && (asked.Type == "COMPUTE" || asked.Type == "OSCONTAINER")
	if !placed {
		if granted.ZoneID != "" || granted.ContainerNamespace != "" || granted.MCIOConstraints != nil {
			return fmt.Errorf("%s is not placed, and got a place", asked.ID)
		}
		return nil
	}
	zone := g.zone(granted.ZoneID)
	if zone == nil {
		return fmt.Errorf("%s is in zone %q, which the grant does not have", asked.ID, granted.ZoneID)
	}
	if zone.VIMConnectionID != granted.VIMConnectionID {
		return fmt.Errorf("%s is behind %q, its zone behind %q", asked.ID, granted.VIMConnectionID, zone.VIMConnectionID)
	}
	if container := asked.Type == "OSCONTAINER"; container != (granted.ContainerNamespace != "") || container != (granted.MCIOConstraints != nil) {
		return fmt.Errorf("%s of type %s has namespace %q and constraints %v", asked.ID, asked.Type, granted.ContainerNamespace, granted.MCIOConstraints)
	}
	if g.Hosts()[asked.ID] == "" {
		return fmt.Errorf("%s has no host", asked.ID)
	}
	return nil
}

func (g *Grant) zone(id string) *Zone {
	for i := range g.Zones {
		if g.Zones[i].ID == id {
			return &g.Zones[i]
		}
	}
	return nil
}
