package inventory

import (
	"context"
	"slices"
	"strconv"

	"ringfence/internal/placement"
)

func checkHost(h *placement.Host, f *faults) {
	if h.Country != "" {
		checkCountry(h.Country, "/country", f)
	}
	checkAmounts(h.Capacity, "/capacity", f)
	checkCISNodes(h, f)
	for i := range h.Residue {
		if h.Residue[i].TrustDomainID == "" {
			f.add(CodeMissing, "/residue/"+strconv.Itoa(i)+"/trustDomainId", "residue is of a trust domain")
		}
	}
}

// checkCISNodes checks that the nodes of a host form trees of virtual machines.
func checkCISNodes(h *placement.Host, f *faults) {
	byID := make(map[string]*placement.CISNode, len(h.CISNodes))
	for i := range h.CISNodes {
		n := &h.CISNodes[i]
		if byID[n.ID] != nil {
			f.add(CodeDuplicate, nodePointer(i, "/id"), "two CIS nodes of the host have the id %q", n.ID)
			continue
		}
		byID[n.ID] = n
	}
	for i := range h.CISNodes {
		n := &h.CISNodes[i]
		if n.ParentID == "" {
			continue
		}
		parent := byID[n.ParentID]
		switch {
		case parent == nil:
			f.add(CodeUnknownReference, nodePointer(i, "/parentId"), "the host has no CIS node %q", n.ParentID)
		case parent.Form != placement.CISNodeVM:
			f.add(CodeInvalid, nodePointer(i, "/parentId"), "the CIS node %q is no virtual machine, so nothing runs in its virtual machine", n.ParentID)
		case n.Form != placement.CISNodeVM:
			f.add(CodeInvalid, nodePointer(i, "/form"), "a CIS node inside another one's virtual machine is a VM itself")
		case withinItself(n, byID):
			f.add(CodeCycle, nodePointer(i, "/parentId"), "the CIS node %q runs inside itself", n.ID)
		}
	}
}

// withinItself follows the parents, no further than there are nodes.
func withinItself(n *placement.CISNode, byID map[string]*placement.CISNode) bool {
	at := n
	for range byID {
		if at = byID[at.ParentID]; at == nil {
			return false
		}
		if at == n {
			return true
		}
	}
	return false // a cycle further up; its own nodes are reported
}

func nodePointer(i int, rest string) string { return "/cisNodes/" + strconv.Itoa(i) + rest }

// guardHost refuses what verifiers, scrubbers and decisions set, other than as it is stored.
func (s *Service) guardHost(_ context.Context, stored, next *placement.Host, f *faults) error {
	none := placement.Host{}
	if stored == nil {
		stored = &none
	}
	checkFacts(stored, next, f)
	return nil
}

// checkFacts compares what a document or a request says of a host with what is stored. What is left out says nothing.
func checkFacts(stored, next *placement.Host, f *faults) {
	if statesAttestation(next) && !sameAttestation(stored, next) {
		f.add(CodeNotAllowed, "/attestation", "the attestation of a host is set by verifiers, with POST /inventory/v1/hosts/{hostId}/attestations; leave it out, or repeat what is stored")
	}
	if next.Residue != nil && !slices.EqualFunc(stored.Residue, next.Residue, sameResidue) {
		f.add(CodeNotAllowed, "/residue", "residue is set by ringfence and cleared by scrub records; leave it out, or repeat what is stored")
	}
	if next.DedicatedTo != nil && (stored.DedicatedTo == nil || *next.DedicatedTo != *stored.DedicatedTo) {
		f.add(CodeNotAllowed, "/dedicatedTo", "a host is dedicated by what is granted there; leave it out, or repeat what is stored")
	}
}

// statesAttestation tells whether anything is said of the attestation. UNKNOWN without more is what a host begins with.
func statesAttestation(h *placement.Host) bool {
	return h.Attestation != placement.Attestation{} || h.AttestedCapabilities != 0
}

func sameAttestation(a, b *placement.Host) bool {
	x, y := &a.Attestation, &b.Attestation
	return known(x.State) == known(y.State) && x.Verifier == y.Verifier && x.EvidenceDigest == y.EvidenceDigest &&
		x.AttestedAt.Equal(y.AttestedAt) && x.ValidUntil.Equal(y.ValidUntil) && a.AttestedCapabilities == b.AttestedCapabilities
}

func known(s placement.AttestationState) placement.AttestationState {
	if s == "" {
		return placement.AttestationUnknown
	}
	return s
}

// sameResidue compares what documents say of residue.
func sameResidue(a, b placement.Residue) bool {
	return a.TrustDomainID == b.TrustDomainID && a.NFInstance == b.NFInstance && a.Since.Equal(b.Since)
}

// checkAttestation checks a verdict by itself.
func checkAttestation(a *placement.Attestation, pointer string, f *faults) {
	switch {
	case a.State == placement.AttestationTrusted && a.AttestedAt.IsZero():
		f.add(CodeMissing, pointer+"/attestedAt", "TRUSTED says when the verdict was reached: give attestedAt or age")
	case !a.ValidUntil.IsZero() && !a.AttestedAt.IsZero() && !a.ValidUntil.After(a.AttestedAt):
		f.add(CodeInvalid, pointer+"/validUntil", "a verdict ends after it was reached")
	}
}
