package cism

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"ringfence/api/inventory"
)

// Cluster is what the operator says of the cluster itself.
type Cluster struct {
	// Fabric are the pods of the host's own trusted base: network and storage plug-ins, log and node agents. They need no
	// grant.
	Fabric []Fabric `yaml:"fabric"`
	// DebugImages are the digests that ephemeral containers may run; none: there are no ephemeral containers.
	DebugImages []string `yaml:"debugImages"`
	// Devices tells which way past the boundary a device resource of the cluster is, such as intel.com/sriov: SRIOV. One
	// that is not listed cannot be granted.
	Devices map[string]inventory.CutThrough `yaml:"devices"`
}

// Fabric lists pods by namespace, service account and image. All three must fit.
type Fabric struct {
	Namespace       string   `yaml:"namespace"`
	ServiceAccounts []string `yaml:"serviceAccounts"`
	Images          []string `yaml:"images"` // digests
}

// LoadCluster reads the file that describes the cluster. Every fault is an error: an allow-list that could mean more than it
// says is none.
func LoadCluster(path string) (Cluster, error) {
	if path == "" {
		return Cluster{}, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Cluster{}, fmt.Errorf("cluster file: %w", err)
	}
	return ParseCluster(data)
}

// ParseCluster reads the content of a cluster file (YAML).
func ParseCluster(data []byte) (Cluster, error) {
	var c Cluster
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Cluster{}, fmt.Errorf("cluster file: %w", err)
	}
	var faults []error
	fault := func(format string, values ...any) {
		faults = append(faults, fmt.Errorf("cluster file: "+format, values...))
	}
	for i := range c.Fabric {
		f := &c.Fabric[i]
		if f.Namespace == "" || len(f.ServiceAccounts) == 0 || len(f.Images) == 0 {
			fault("fabric[%d] needs a namespace, serviceAccounts and images: what it leaves out would be trusted without reason", i)
		}
		for _, image := range f.Images {
			if !isDigest(image) {
				fault("fabric[%d]: %q is no digest such as sha256:…: a tag can be moved to another image", i, image)
			}
		}
	}
	for _, image := range c.DebugImages {
		if !isDigest(image) {
			fault("debugImages: %q is no digest such as sha256:…", image)
		}
	}
	for name, kind := range c.Devices {
		if !kind.Valid() {
			fault("devices: %s is %q, which is no cut-through of the inventory", name, kind)
		}
	}
	return c, errors.Join(faults...)
}

func isDigest(text string) bool {
	algorithm, sum, found := strings.Cut(text, ":")
	return found && algorithm != "" && len(sum) >= 32 && !strings.ContainsAny(text, " @*/")
}

// isFabric tells whether a pod belongs to the host's own trusted base, ephemeral containers aside.
func (c *Cluster) isFabric(pod *corev1.Pod) bool {
	return slices.ContainsFunc(c.Fabric, func(f Fabric) bool {
		if f.Namespace != pod.Namespace || !slices.Contains(f.ServiceAccounts, pod.Spec.ServiceAccountName) {
			return false
		}
		for _, container := range containers(&pod.Spec) {
			if !slices.Contains(f.Images, digestOf(container.Image)) {
				return false
			}
		}
		return true
	})
}
