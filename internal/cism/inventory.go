package cism

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
)

// unregistered is a node as a host of the inventory that nobody has looked at yet.
type unregistered struct {
	ID              string           `yaml:"id"`
	NFVIPoPID       string           `yaml:"nfviPopId,omitempty"`
	ResourceZoneID  string           `yaml:"resourceZoneId,omitempty"`
	VIMConnectionID string           `yaml:"vimConnectionId"`
	Lifecycle       string           `yaml:"lifecycle"`
	Capacity        map[string]int64 `yaml:"capacity"`
}

// writeInventory writes the nodes that are of no known host as an inventory document of REGISTERED hosts, for an operator to
// complete and import. This process has no right to register hosts itself: whoever runs a cluster would say what it is.
func (r *reporter) writeInventory(w io.Writer) error {
	nodes := r.hosts().unmapped
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	document := struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Hosts      []unregistered `yaml:"hosts"`
	}{APIVersion: "ringfence/v1", Kind: "Inventory", Hosts: []unregistered{}}
	for _, node := range nodes {
		document.Hosts = append(document.Hosts, r.unregistered(node))
	}
	if _, err := fmt.Fprintln(w, "# Nodes that no host of the inventory is known for. Label a node that is a virtual machine with ringfence.io/host-id instead."); err != nil {
		return err
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	return encoder.Encode(document)
}

func (r *reporter) unregistered(node *corev1.Node) unregistered {
	capacity := map[string]int64{}
	for name, quantity := range node.Status.Allocatable {
		if dim, amount := dimension(name, quantity); dim != "" {
			capacity[dim] = amount
		}
	}
	return unregistered{
		ID: node.Name, NFVIPoPID: node.Labels[corev1.LabelTopologyRegion], ResourceZoneID: node.Labels[corev1.LabelTopologyZone],
		VIMConnectionID: r.vimConnectionID, Lifecycle: "REGISTERED", Capacity: capacity,
	}
}
