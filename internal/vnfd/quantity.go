package vnfd

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"ringfence/internal/placement"
)

// quantityForm is what a quantity of Kubernetes looks like. Exponents of more than two digits mean nothing that a host has, and
// would cost a hostile manifest nothing and the reader a number of that many digits.
var quantityForm = regexp.MustCompile(`^[+-]?[0-9]{0,18}(?:\.[0-9]{0,18})?(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$`)

// quantity reads a quantity of Kubernetes; ok is false where it is none, or less than nothing.
func (r *report) quantity(v *value, what string) (q resource.Quantity, ok bool) {
	text := strings.TrimSpace(v.str())
	if quantityForm.MatchString(text) {
		if q, err := resource.ParseQuantity(text); err == nil && q.Sign() >= 0 {
			return q, true
		}
	}
	r.warn(CodeForm, v.place, "%s is %s; expected a quantity of Kubernetes such as 500m or 2Gi; it is left out", what, quote(v.str()))
	return q, false
}

const hugePagesPrefix = "hugepages-"

// demand is a quantity of a resource of Kubernetes in a dimension of ours; ok is false for what hosts do not have.
func (r *report) demand(name string, q resource.Quantity, at place) (dimension string, amount int64, ok bool) {
	switch {
	case name == "cpu":
		return placement.DimCPUMillis, r.bounded(q.ScaledValue(resource.Milli), name, at), true
	case name == "memory":
		return placement.DimMemoryMiB, perUnit(r.bounded(q.Value(), name, at), mebibyte), true
	case name == "ephemeral-storage":
		return placement.DimEphemeralStorageMiB, perUnit(r.bounded(q.Value(), name, at), mebibyte), true
	case strings.HasPrefix(name, hugePagesPrefix):
		page, err := resource.ParseQuantity(short(name[len(hugePagesPrefix):]))
		dimension = map[int64]string{2 * mebibyte: placement.DimHugePages2Mi, 1024 * mebibyte: placement.DimHugePages1Gi}[page.Value()]
		if err != nil || dimension == "" {
			r.warn(CodeForm, at, "huge pages %s are none that hosts declare; 2Mi and 1Gi are", quote(name))
			return "", 0, false
		}
		return dimension, perUnit(r.bounded(q.Value(), name, at), page.Value()), true
	case !strings.Contains(name, "/") || !labelForm.MatchString(name):
		r.warn(CodeUnknownConstruct, at, "the resource %s is not known; it is left out", quote(name))
		return "", 0, false
	}
	if dimension = extendedDimensions[name]; dimension == "" {
		dimension = placement.ExtPrefix + name
	}
	return dimension, r.bounded(q.Value(), name, at), true
}

// short is a text that is no quantity unless it looks like one.
func short(text string) string {
	if quantityForm.MatchString(text) {
		return text
	}
	return ""
}

// bounded is an amount that numbers of JSON can hold, in the smallest unit that is counted.
func (r *report) bounded(n int64, what string, at place) int64 {
	if n > maxAmount {
		r.fail(CodeForm, at, "more %s is asked for than any host has", quote(what))
		return 0
	}
	return n
}
