package placement

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// What of the inventory security rests on, so that no person changes it alone, is listed here and nowhere else:
//
//	trust domain     every attribute but the name; creating and deleting one
//	trust relation   the handling; creating and deleting one
//	host pool        the trust domains and the FABRIC artefacts that it permits; creating and deleting one
//	runtime class    the isolation; creating and deleting one
//	VNF profile      everything but the resources of its components; creating and deleting one
//	image            publicBase, containsSecrets and sensitivity, the layers of a public base, and layers that go or change;
//	                 creating one that is a public base; deleting one that is, has secrets, or is sensitive
//	host             the hypervisor class of the host and of its CIS nodes; creating a host or a node that claims one; labels that
//	                 rules of a policy read, whoever sets or removes them
//
// Signatures are no part of it: they prove themselves. Nor is anything else of hosts: where they stand, what they have and
// whether they are in service is daily work, and what they claim beyond that verifiers attest.

// SecurityDifferenceOf compares an object as it is with what is to become of it: changes of one kind and id, of which the one
// without a member stands for no object. labels are the keys of the labels of hosts that rules read. It is false when nothing
// differs that security rests on.
func SecurityDifferenceOf(before, after *Change, labels []string) (SecurityDifference, bool) {
	was, counts := securityOf(before, labels)
	becomes, alsoCounts := securityOf(after, labels)
	d := SecurityDifference{Kind: after.Kind, ID: after.ID, Action: DifferenceChange, Attributes: attributesThatDiffer(was, becomes)}
	switch {
	case was == nil && becomes == nil:
		return d, false
	case was == nil:
		d.Action = DifferenceCreate
		return d, alsoCounts
	case becomes == nil:
		d.Action = DifferenceDelete
		return d, deletionCounts(before, counts)
	case after.Kind == ChangeImage && !before.Image.PublicBase && !after.Image.PublicBase:
		d.Attributes = slices.DeleteFunc(d.Attributes, func(a AttributeDifference) bool {
			return a.Before == "" // another layer: that can only make it lie more strictly
		})
	case after.Kind == ChangeHost:
		d.Attributes = slices.DeleteFunc(d.Attributes, func(a AttributeDifference) bool {
			node := !strings.HasPrefix(a.Name, labelPrefix)
			return node && (a.After == "" || a.Before == "" && !claims(a.After)) // a node that goes, or one that comes and claims nothing
		})
	}
	return d, len(d.Attributes) > 0
}

// deletionCounts tells whether the deletion of an object does, whose being there counts or not.
func deletionCounts(before *Change, counts bool) bool {
	switch {
	case before.Host != nil:
		return false // nothing runs on a host that can be deleted
	case before.Image != nil: // anew it could be recorded as less
		return counts || before.Image.ContainsSecrets || before.Image.Sensitivity > 0
	}
	return counts
}

// stated is what one attribute says.
type stated struct{ name, value string }

// securityOf lists what security rests on of an object, nil where there is none, and tells whether its being there counts.
func securityOf(c *Change, labels []string) (attributes []stated, counts bool) {
	switch {
	case c.TrustDomain != nil:
		return trustDomainSecurity(c.TrustDomain), true
	case c.TrustRelation != nil:
		return []stated{{"handling", string(c.TrustRelation.Handling)}}, true
	case c.HostPool != nil:
		return []stated{{"allowedTrustDomainIds", setText(c.HostPool.AllowedTrustDomainIDs)}, {"fabricDigests", setText(c.HostPool.FabricDigests)}}, true
	case c.RuntimeClass != nil:
		return []stated{{"isolation", c.RuntimeClass.Isolation.String()}}, true
	case c.Image != nil:
		return imageSecurity(c.Image), c.Image.PublicBase
	case c.VNFProfile != nil:
		return profileSecurity(c.VNFProfile), true
	case c.Host != nil:
		return hostSecurity(c.Host, labels)
	}
	return nil, false
}

func imageSecurity(i *Image) []stated {
	out := []stated{
		{"sensitivity", strconv.Itoa(i.Sensitivity)}, {"containsSecrets", strconv.FormatBool(i.ContainsSecrets)}, {"publicBase", strconv.FormatBool(i.PublicBase)},
	}
	for _, l := range i.Layers {
		out = append(out, stated{"layers/" + l.Digest, prefixed("diffId ", cmp.Or(l.DiffID, l.Digest))})
	}
	return out
}

func trustDomainSecurity(t *TrustDomain) []stated {
	countries := "any"
	if t.AllowedCountries != nil {
		countries = cmp.Or(setText(t.AllowedCountries), "none")
	}
	age, isolation := "", ""
	if t.MaxAttestationAge != 0 {
		age = t.MaxAttestationAge.String()
	}
	if t.MinIsolation != IsolationNone {
		isolation = t.MinIsolation.String()
	}
	return []stated{
		{"ownerPlmn", t.OwnerPLMN},
		{"adminDomain", t.AdminDomain},
		{"category", string(t.Category)},
		{"sensitivity", strconv.Itoa(t.Sensitivity)},
		{"securityCritical", strconv.FormatBool(t.SecurityCritical)},
		{"exclusive", strconv.FormatBool(t.Exclusive)},
		{"requiresPhysicalSecurity", strconv.FormatBool(t.RequiresPhysicalSecurity)},
		{"allowedCountries", countries},
		{"maxAttestationAge", age},
		{"minIsolation", isolation},
		{"snssais", setText(t.SNSSAIs)},
		{"parentId", t.ParentID},
	}
}

func profileSecurity(p *VNFProfile) []stated {
	out := []stated{{"nfType", p.NFType}, {"trustDomainId", p.TrustDomainID}}
	for i := range p.Components {
		c := &p.Components[i]
		isolation := ""
		if c.Isolation != IsolationNone {
			isolation = c.Isolation.String()
		}
		at := "components/" + c.ID + "/"
		out = append(out,
			stated{at + "id", c.ID}, stated{at + "nf", joined(word(c.NF.Type), prefixed("instance key ", c.NF.InstanceKey), prefixed("set ", c.NF.SetID))}, stated{at + "trustDomainId", c.TrustDomainID},
			stated{at + "roles", setText(c.Roles.Names())}, stated{at + "exposed", strconv.FormatBool(c.Exposed)}, stated{at + "interfaces", interfacesText(c.Interfaces)},
			stated{at + "images", setText(c.Images)}, stated{at + "runtime", c.Runtime}, stated{at + "isolation", isolation},
			stated{at + "cutThrough", setText(c.CutThrough.Names())}, stated{at + "privileged", setText(c.Privileged.Names())},
			stated{at + "administersHostPoolIds", setText(c.AdministersHostPools)}, stated{at + "labels", labelsText(c.Labels)})
	}
	for i := range p.AffinityRules {
		r := &p.AffinityRules[i]
		kind := "together"
		if r.AntiAffinity {
			kind = "apart"
		}
		out = append(out, stated{"affinityRules/" + r.ID, joined(kind, prefixed("at ", string(r.Scope)), setText(r.ComponentIDs))})
	}
	return out
}

// interfacesText writes interfaces as a set: their order means nothing.
func interfacesText(list []Interface) string {
	var out []string
	for i := range list {
		n := &list[i]
		tls := ""
		if n.TerminatesTLS {
			tls = "terminates TLS"
		}
		out = append(out, joined(word(n.Name), prefixed("kind ", string(n.Kind)), prefixed("to trust domain ", n.PeerTrustDomainID),
			prefixed("to ", string(n.Peer)), prefixed("to component ", n.PeerComponentID), prefixed("via ", n.Via), tls))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func labelsText(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, word(k)+"="+word(v))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// nodeAsHost is what a CIS node on bare metal claims that says nothing itself.
const nodeAsHost = "as the host"

// claims tells whether a hypervisor class is claimed of something itself.
func claims(class string) bool { return class != string(HypervisorNone) && class != nodeAsHost }

// labelPrefix begins the names of attributes that are labels of hosts.
const labelPrefix = "labels/"

// hostSecurity lists the hypervisor classes of a host, and those of its labels that rules read. A VM that says nothing claims NONE, a
// node on bare metal what the host does.
func hostSecurity(h *Host, labels []string) (attributes []stated, claimed bool) {
	attributes = []stated{{"hypervisorClass", string(cmp.Or(h.HypervisorClass, HypervisorNone))}}
	for _, n := range slices.SortedFunc(slices.Values(h.CISNodes), func(a, b CISNode) int { return cmp.Compare(a.ID, b.ID) }) {
		class := string(n.HypervisorClass)
		switch {
		case class == "" && n.Form == CISNodeBareMetal:
			class = nodeAsHost
		case class == "":
			class = string(HypervisorNone)
		}
		attributes = append(attributes, stated{"cisNodes/" + n.ID + "/hypervisorClass", class})
	}
	claimed = slices.ContainsFunc(attributes, func(s stated) bool { return claims(s.value) })
	for _, key := range labels {
		if value, ok := h.Labels[key]; ok {
			attributes, claimed = append(attributes, stated{labelPrefix + key, cmp.Or(word(value), `""`)}), true
		}
	}
	return attributes, claimed
}

// attributesThatDiffer pairs what attributes said with what they will say, in the order of what they will, then of what goes.
func attributesThatDiffer(was, becomes []stated) []AttributeDifference {
	var out []AttributeDifference
	value := func(list []stated, name string) string {
		if i := slices.IndexFunc(list, func(s stated) bool { return s.name == name }); i >= 0 {
			return list[i].value
		}
		return ""
	}
	for _, s := range becomes {
		if old := value(was, s.name); old != s.value {
			out = append(out, AttributeDifference{s.name, old, s.value})
		}
	}
	for _, s := range was {
		gone := !slices.ContainsFunc(becomes, func(b stated) bool { return b.name == s.name })
		if gone && s.value != "" {
			out = append(out, AttributeDifference{s.name, s.value, ""})
		}
	}
	return out
}

// The texts are compared, so different things must not read alike: whatever could be taken for two things is quoted.

// setText writes a set, whose order means nothing.
func setText(list []string) string {
	words := make([]string, len(list))
	for i := range list {
		words[i] = word(list[i])
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ", ")
}

func word(s string) string {
	if s == "" || !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`,="`, r) || !strconv.IsPrint(r) }) {
		return s
	}
	return strconv.Quote(s)
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + word(s)
}
