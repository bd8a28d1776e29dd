package cism

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The labels by which a pod names its grant. An annotation of the same name does as well, for ids that are no label value.
const (
	labelResidency  = "ringfence.io/residency-id"
	labelVNF        = "ringfence.io/vnf-instance-id"
	labelDefinition = "ringfence.io/resource-definition-id"
	labelComponent  = "ringfence.io/component-id"
)

// identity is what a pod says it was granted as: a residency, or a VNF instance and more or less of what is granted in it.
type identity struct{ residency, vnf, definition, component string }

// identityOf reads the identity of a pod. A label and an annotation that say different things are an error.
func identityOf(meta *metav1.ObjectMeta) (identity, error) {
	var id identity
	for name, into := range map[string]*string{
		labelResidency: &id.residency, labelVNF: &id.vnf, labelDefinition: &id.definition, labelComponent: &id.component,
	} {
		label, annotation := meta.Labels[name], meta.Annotations[name]
		if label != "" && annotation != "" && label != annotation {
			return identity{}, fmt.Errorf("the label %s is %q and the annotation %q: leave one out", name, label, annotation)
		}
		*into = label + annotation
		if label == annotation {
			*into = label
		}
	}
	return id, nil
}

// empty tells whether it names no grant.
func (id identity) empty() bool { return id.residency == "" && id.vnf == "" }

// fits tells whether a standing is one that the identity may mean. What it leaves open fits anything.
func (id identity) fits(s *standing) bool {
	w := &s.Place.Workload
	return !id.empty() &&
		(id.residency == "" || id.residency == w.ResidencyID) &&
		(id.vnf == "" || id.vnf == w.VNFInstanceID) &&
		(id.definition == "" || id.definition == w.ResourceDefinitionID) &&
		(id.component == "" || id.component == w.ComponentID)
}

// String is how refusals name it.
func (id identity) String() string {
	if id.residency != "" {
		return fmt.Sprintf("residency %q", id.residency)
	}
	text := fmt.Sprintf("VNF instance %q", id.vnf)
	if id.definition != "" {
		text += fmt.Sprintf(", resource definition %q", id.definition)
	}
	if id.component != "" {
		text += fmt.Sprintf(", component %q", id.component)
	}
	return text
}
