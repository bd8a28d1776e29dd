package vnfd

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// workload is an object of Kubernetes that makes pods.
type workload struct {
	place
	kind, name string
	fewest     int64 // pods
	most       int64
	pod        *value // the pod's spec
}

// String names the object as people do.
func (w *workload) String() string { return fmt.Sprintf("%s %s", w.kind, quote(w.name)) }

// cluster is what the manifests of a package, or those that a chart renders to, put into a cluster.
type cluster struct {
	*report
	workloads []workload
	claims    []Storage // volumes that are claimed
	scalers   []scaler
}

// scaler is what sets the number of an object's pods later.
type scaler struct {
	place
	kind, name   string
	fewest, most int64
}

var (
	// objectForm leaves room for the name of a container in an identifier of 255 characters.
	objectForm    = regexp.MustCompile(`^[a-z0-9](?:[-a-z0-9.]{0,176}[a-z0-9])?$`)
	containerForm = regexp.MustCompile(`^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$`)
	labelForm     = regexp.MustCompile(`^[A-Za-z0-9](?:[-A-Za-z0-9_./]{0,251}[A-Za-z0-9])?$`)
)

// isObject tells whether a document is an object of Kubernetes.
func isObject(doc *value) bool {
	return doc.get("apiVersion").str() != "" && doc.get("kind").str() != ""
}

// object takes what an object of Kubernetes says of pods and volumes. Objects of other kinds run nothing.
func (c *cluster) object(doc *value) {
	spec := doc.get("spec")
	w := workload{place: doc.place, kind: doc.get("kind").str(), name: doc.get("metadata", "name").str(), fewest: 1, most: 1}
	switch w.kind {
	case "List":
		for _, item := range doc.get("items").list() {
			c.object(item)
		}
		return
	case "HorizontalPodAutoscaler":
		c.scaler(doc)
		return
	case "PersistentVolumeClaim":
		c.claim(w.name, doc)
		return
	case "Pod":
		w.pod = spec
	case "Job":
		w.replicas(c.report, spec, "parallelism")
		w.pod = spec.get("template", "spec")
	case "CronJob":
		w.replicas(c.report, spec.get("jobTemplate", "spec"), "parallelism")
		w.pod = spec.get("jobTemplate", "spec", "template", "spec")
	case "DaemonSet":
		c.warn(CodeUnresolved, w.place, "%s has a pod on every node that it selects; it is counted as one instance", &w)
		w.pod = spec.get("template", "spec")
	case "Deployment", "StatefulSet", "ReplicaSet", "ReplicationController":
		w.replicas(c.report, spec, "replicas")
		w.pod = spec.get("template", "spec")
		for _, claim := range spec.get("volumeClaimTemplates").list() {
			c.claim(w.name+"."+claim.get("metadata", "name").str(), claim)
		}
	default:
		if pod := spec.get("template", "spec"); pod.get("containers").given() {
			c.warn(CodeUnknownConstruct, w.place, "objects of the kind %s are not known; the containers of %s are not read", quote(w.kind), quote(w.name))
		}
		return
	}
	c.workload(doc, &w)
}

func (c *cluster) workload(doc *value, w *workload) {
	switch {
	case strings.HasPrefix(doc.get("metadata", "annotations", "helm.sh/hook").str(), "test"):
		return // it runs when somebody tests the release, and is no part of the VNF
	case !objectForm.MatchString(w.name):
		c.warn(CodeForm, w.place, "the name %s of a %s is none that Kubernetes allows, or too long; its containers are not read", quote(w.name), w.kind)
	case !w.pod.get("containers").given():
		c.warn(CodeMissing, w.place, "%s has no containers", w)
	case len(c.workloads) == maxComponents:
		c.fail(CodeTooLarge, w.place, "the manifests have more than %d objects that make pods", maxComponents)
	default:
		c.workloads = append(c.workloads, *w)
	}
}

// replicas reads how many pods an object has; one, where it does not say.
func (w *workload) replicas(r *report, spec *value, name string) {
	v := spec.get(name)
	if !v.given() {
		return
	}
	if n, ok := r.quantity(v, name); ok {
		w.fewest = r.bounded(n.Value(), name, v.place)
		w.most = w.fewest
	}
}

// scaler reads between which numbers of pods an object is scaled.
func (c *cluster) scaler(doc *value) {
	target := doc.get("spec", "scaleTargetRef")
	s := scaler{place: doc.place, kind: target.get("kind").str(), name: target.get("name").str()}
	for _, bound := range []struct {
		name string
		into *int64
	}{{"minReplicas", &s.fewest}, {"maxReplicas", &s.most}} {
		w := workload{fewest: 1}
		w.replicas(c.report, doc.get("spec"), bound.name)
		*bound.into = w.fewest
	}
	c.scalers = append(c.scalers, s)
}

// scale gives objects the numbers of pods between which they are scaled.
func (c *cluster) scale() {
	for _, s := range c.scalers {
		i := slices.IndexFunc(c.workloads, func(w workload) bool { return w.kind == s.kind && w.name == s.name })
		if i < 0 {
			c.warn(CodeUnknownReference, s.place, "it scales %s %s, which is no object of the manifests", s.kind, quote(s.name))
			continue
		}
		w := &c.workloads[i]
		w.fewest, w.most = min(w.fewest, s.fewest), max(w.most, s.most)
	}
}

// claim reads a volume that is claimed.
func (c *cluster) claim(name string, doc *value) {
	s := Storage{ID: name, Kind: "FILE"}
	if doc.get("spec", "volumeMode").str() == "Block" {
		s.Kind = "BLOCK"
	}
	if !objectForm.MatchString(name) {
		c.warn(CodeForm, doc.place, "the name %s of a PersistentVolumeClaim is none that Kubernetes allows; it is left out", quote(name))
		return
	}
	asked := doc.get("spec", "resources", "requests", "storage")
	if q, ok := c.quantity(asked, "the storage of "+quote(name)); asked.given() && ok {
		s.SizeBytes = c.bounded(q.Value(), "storage", asked.place)
	}
	c.claims = append(c.claims, s)
}
