package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"

	wire "ringfence/api/inventory"
	"ringfence/internal/auth"
	"ringfence/internal/inventory"
	"ringfence/internal/packages"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

const (
	onboardOperation = "onboardVnfPackage"
	packagesPath     = "/inventory/v1/vnf_packages"
)

// ListVNFPackages answers a page of VNF packages.
func (a inventoryAPI) ListVNFPackages(w http.ResponseWriter, r *http.Request, p wire.ListVNFPackagesParams) {
	src := source[placement.VNFPackage]{read: a.Packages.List, key: func(p *placement.VNFPackage) string { return p.ID }}
	a.reply(w, r)(listed(r, a.Server, p.Filter, p.NextpageOpaqueMarker, src, vnfPackageToWire))
}

// GetVNFPackage answers one VNF package.
func (a inventoryAPI) GetVNFPackage(w http.ResponseWriter, r *http.Request, id string, _ wire.GetVNFPackageParams) {
	p, err := a.Packages.Get(r.Context(), id)
	a.reply(w, r)(reply{status: http.StatusOK, body: vnfPackageToWire(&p)}, err)
}

// DeleteVNFPackage deletes one VNF package.
func (a inventoryAPI) DeleteVNFPackage(w http.ResponseWriter, r *http.Request, id string, _ wire.DeleteVNFPackageParams) {
	a.reply(w, r)(reply{status: http.StatusNoContent}, a.Packages.Delete(r.Context(), id))
}

// OnboardVNFPackage takes a VNF package.
func (a inventoryAPI) OnboardVNFPackage(w http.ResponseWriter, r *http.Request, _ wire.OnboardVNFPackageParams) {
	content, values, err := packageParts(r)
	if err != nil {
		a.writeProblem(w, r, err)
		return
	}
	p, err := a.Packages.Onboard(r.Context(), auth.FromContext(r.Context()).ClientID, content, values)
	a.reply(w, r)(reply{
		status: http.StatusCreated, location: a.base(r) + packagesPath + "/" + url.PathEscape(p.ID), body: vnfPackageToWire(&p),
	}, packageProblem(err))
}

// packageParts are the package that a request sends and the values that it sets for charts: the body, or the parts of a form, the
// values first.
func packageParts(r *http.Request) (content io.Reader, values []byte, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return formParts(r)
	}
	return r.Body, nil, nil
}

func formParts(r *http.Request) (content io.Reader, values []byte, err error) {
	wrong := func(what string) (io.Reader, []byte, error) {
		return nil, nil, newProblem(http.StatusBadRequest, what+"; a form has the part values, if any, and after it the part package")
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return wrong("the form cannot be read")
	}
	part, err := parts.NextPart()
	if err == nil && part.FormName() == "values" {
		if values, err = io.ReadAll(io.LimitReader(part, packages.MaxValuesBytes+1)); err != nil {
			return wrong("the values cannot be read")
		}
		if len(values) > packages.MaxValuesBytes {
			return nil, nil, newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the values of charts have at most %d bytes", packages.MaxValuesBytes))
		}
		part, err = parts.NextPart()
	}
	if err != nil || part.FormName() != "package" {
		return wrong("the form has no package")
	}
	return part, values, nil
}

// packageProblem renders why a package was not taken.
func packageProblem(err error) error {
	var e *placement.Error
	switch {
	case errors.As(err, &packages.TooLarge{}):
		return newProblem(http.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, packages.ErrIncomplete):
		return newProblem(http.StatusBadRequest, "the body ended before all of it had arrived; nothing of it is kept")
	case errors.As(err, &e) && e.Kind == placement.Invalid:
		p := newProblem(http.StatusUnprocessableEntity, e.Message)
		for i := range e.Findings {
			p.Findings = append(p.Findings, findingToWire(&e.Findings[i]))
		}
		return p
	}
	return err
}

func vnfPackageToWire(p *placement.VNFPackage) wire.VNFPackage {
	return wire.VNFPackage{
		ID: p.ID, VNFDID: p.VNFDID, Archive: p.Archive, VNFDVersion: p.VNFDVersion, Provider: p.Provider, ProductName: p.ProductName,
		SoftwareVersion: p.SoftwareVersion, SizeBytes: p.SizeBytes, SHA256: p.SHA256, OnboardedAt: p.OnboardedAt, OnboardedBy: p.CreatedBy,
		DraftState: draftState(p),
	}
}

func draftState(p *placement.VNFPackage) wire.DraftState {
	if p.HasProfile {
		return wire.DraftStateCOMPLETED
	}
	return wire.DraftStateDRAFT
}

// GetVNFDDraft answers the draft of a VNF package.
func (a inventoryAPI) GetVNFDDraft(w http.ResponseWriter, r *http.Request, id string, _ wire.GetVNFDDraftParams) {
	p, err := a.Packages.Get(r.Context(), id)
	if err != nil {
		a.reply(w, r)(reply{}, err)
		return
	}
	draft, err := vnfdDraftToWire(&p)
	a.reply(w, r)(reply{status: http.StatusOK, body: draft}, err)
}

func vnfdDraftToWire(p *placement.VNFPackage) (wire.VNFDDraft, error) {
	d, findings, err := packages.Draft(p)
	if err != nil {
		return wire.VNFDDraft{}, fmt.Errorf("draft of the VNF package %s: %w", p.ID, err)
	}
	w := wire.VNFDDraft{
		VNFPackageID: p.ID, VNFDID: p.VNFDID, State: draftState(p), Missing: []wire.DraftGap{}, Components: []wire.VNFDComponent{}, Findings: []wire.PackageFinding{},
	}
	if w.Profile, err = draftProfile(d.Profile()); err != nil {
		return w, err
	}
	for _, m := range d.Missing() {
		w.Missing = append(w.Missing, wire.DraftGap{Pointer: m.Pointer, Reason: m.Why})
	}
	for i := range d.Components {
		c := &d.Components[i]
		component := wire.VNFDComponent{
			ID: c.ID, Kind: wire.VNFDComponentKind(c.Kind), Name: c.Name, Description: c.Description, PartOf: c.PartOf, MinInstances: c.MinInstances,
			MaxInstances: c.MaxInstances, MCIOName: c.MCIO.Name, MCIOType: c.MCIO.Type,
		}
		for j := range c.Images {
			img := &c.Images[j]
			component.SoftwareImages = append(component.SoftwareImages, wire.VNFDSoftwareImage{
				ID: img.ID, Name: img.Name, Version: img.Version, ContainerFormat: img.ContainerFormat, DiskFormat: img.DiskFormat, Algorithm: img.Algorithm,
				Checksum: img.Checksum, Digest: img.Digest(), SizeBytes: img.SizeBytes, File: img.File,
			})
		}
		w.Components = append(w.Components, component)
	}
	for _, s := range d.Storages {
		w.Storages = append(w.Storages, wire.VNFDStorage{ID: s.ID, Kind: wire.VNFDStorageKind(s.Kind), SizeBytes: s.SizeBytes})
	}
	for _, m := range d.MCIOPs {
		w.Mciops = append(w.Mciops, wire.VNFDMCIOP{ID: m.ID, ComponentIDs: append([]string{}, m.ComponentIDs...), File: m.File})
	}
	for _, f := range findings {
		w.Findings = append(w.Findings, wire.PackageFinding{
			Severity: wire.PackageFindingSeverity(f.Severity), Code: f.Code, File: f.File, Line: f.Line, Column: f.Column, Message: f.Message,
		})
	}
	return w, nil
}

// draftProfile is the wire form of a profile that is not complete: without what it does not say.
func draftProfile(p placement.VNFProfile) (map[string]any, error) {
	raw, err := json.Marshal(vnfProfileToWire(&p))
	if err != nil {
		return nil, err
	}
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, err
	}
	profile, _ := v.(map[string]any)
	delete(profile, "nfType")
	delete(profile, "trustDomainId")
	return profile, nil
}

// CompleteVNFPackage makes the VNF profile of a draft and of what the operator adds.
func (a inventoryAPI) CompleteVNFPackage(w http.ResponseWriter, r *http.Request, id string, _ wire.CompleteVNFPackageParams) {
	var completion wire.VNFDCompletion
	if err := json.NewDecoder(r.Body).Decode(&completion); err != nil {
		a.writeProblem(w, r, newProblem(http.StatusUnprocessableEntity, "the VnfdCompletion cannot be read: "+printable(err.Error())))
		return
	}
	a.reply(w, r)(a.complete(r, id, &completion))
}

func (a inventoryAPI) complete(r *http.Request, id string, completion *wire.VNFDCompletion) (reply, error) {
	p, err := a.Packages.Get(r.Context(), id)
	if err != nil {
		return reply{}, err
	}
	draft, err := vnfdDraftToWire(&p)
	if err != nil {
		return reply{}, err
	}
	if problem := merge(&draft, completion); problem != nil {
		return reply{}, problem
	}
	change, err := json.Marshal(draft.Profile)
	if err != nil {
		return reply{}, err
	}
	profile, err := patched(a.apis[openapi.NameInventory], "VnfProfile", wire.VNFProfile{}, change)
	if err != nil {
		return reply{}, err
	}
	return a.nouns.vnfProfiles.putValue(r, inventory.ID(profile.VNFDID), &profile, nil)
}

// merge adds to a draft's profile what completes it; what is missing, or about nothing, is a problem.
func merge(draft *wire.VNFDDraft, completion *wire.VNFDCompletion) error {
	draft.Profile["nfType"], draft.Profile["trustDomainId"] = completion.NFType, completion.TrustDomainID
	p := newProblem(http.StatusUnprocessableEntity, "the draft of the VNF profile is not complete")
	components, _ := draft.Profile["components"].([]any)
	for i := range draft.Components {
		c := &draft.Components[i]
		patch, given := completion.Components[c.ID]
		if !given && len(c.PartOf) > 0 {
			patch = completion.Components[c.PartOf[0]]
		}
		if patch["roles"] == nil && len(c.PartOf) == 0 {
			p.InvalidParams = append(p.InvalidParams, invalidParam{Pointer: "/components/" + c.ID + "/roles", Reason: "say which roles the component has; an empty list if none"})
		}
		patch = maps.Clone(patch)
		delete(patch, "id") // a key cannot be changed
		components[i] = mergePatch(components[i], patch)
	}
	for _, id := range slices.Sorted(maps.Keys(completion.Components)) {
		if !slices.ContainsFunc(draft.Components, func(c wire.VNFDComponent) bool { return c.ID == id }) {
			p.InvalidParams = append(p.InvalidParams, invalidParam{Pointer: "/components/" + printable(id), Reason: "the draft has no such component"})
		}
	}
	if len(p.InvalidParams) > 0 {
		return p
	}
	return nil
}
