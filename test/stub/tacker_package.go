package stub

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Descriptor is a VNFD as Tacker reads it.
type Descriptor struct {
	// VDUs are the VDUs, with the names of the connection points and storages that each instance has.
	VDUs map[string]VDU
	// VirtualLinks are the names of the internal networks.
	VirtualLinks []string
	// Levels are the numbers of instances, by instantiation level and VDU.
	Levels map[string]map[string]int
	// DefaultLevel is the level of who names none.
	DefaultLevel string
	// Steps are what one step of an aspect adds, by aspect and VDU.
	Steps map[string]map[string]int
	// Rules are the affinity rules that Tacker sends.
	Rules []Rule
}

// VDU is one VDU of a VNFD.
type VDU struct{ CPs, Storages []string }

// Rule is an affinity rule of a VNFD.
type Rule struct {
	AffinityOrAntiAffinity, Scope string
	Targets                       []string
}

// ReadPackage reads what the package API has of a VNFD, as Tacker does before an instantiation: the package's record, its descriptor,
// and all of it.
func (t *Tacker) ReadPackage(ctx context.Context, vnfdID string) (record Answer, d *Descriptor, err error) {
	path := "/vnfpkgm/v2/onboarded_vnf_packages/" + vnfdID
	var archives [2]Answer
	for i, a := range []struct {
		path string
		into *Answer
		kind string
	}{{"", &record, TypeJSON}, {"/vnfd", &archives[0], "application/zip"}, {"/package_content", &archives[1], "application/zip"}} {
		if *a.into, err = t.do(ctx, http.MethodGet, path+a.path, tackerPackageVersion, nil, http.StatusOK); err != nil {
			return record, nil, err
		}
		if kind := a.into.Header.Get("Content-Type"); kind != a.kind {
			return record, nil, fmt.Errorf("%s%s is %q, which Tacker does not read", path, a.path, kind)
		}
		t.Packages++
		if i == 0 {
			continue
		}
		if d, err = readDescriptor(a.into.Body); err != nil {
			return record, nil, fmt.Errorf("%s%s: %w", path, a.path, err)
		}
	}
	return record, d, nil
}

// readDescriptor finds the VNFD in an archive by its metadata.
func readDescriptor(archive []byte) (*Descriptor, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	meta, err := readEntry(z, "TOSCA-Metadata/TOSCA.meta")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(meta)) {
		if name, is := strings.CutPrefix(strings.TrimSpace(line), "Entry-Definitions: "); is {
			text, err := readEntry(z, name)
			if err != nil {
				return nil, err
			}
			return parseDescriptor(text)
		}
	}
	return nil, errors.New("the metadata name no Entry-Definitions")
}

func readEntry(z *zip.Reader, name string) ([]byte, error) {
	file, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	return content, errors.Join(err, file.Close())
}

// template is the part of a service template that is read.
type template struct {
	Topology struct {
		Nodes map[string]struct {
			Type         string
			Requirements []map[string]string
		} `yaml:"node_templates"`
		Policies []map[string]policy
	} `yaml:"topology_template"`
}

type policy struct {
	Type       string
	Targets    []string
	Properties struct {
		Scope        string
		Aspect       string
		DefaultLevel string               `yaml:"default_level"`
		Levels       map[string]instances `yaml:"levels"`
		Deltas       map[string]instances `yaml:"deltas"`
	}
}

type instances struct {
	Number int `yaml:"number_of_instances"`
}

func parseDescriptor(text []byte) (*Descriptor, error) {
	var parsed template
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		return nil, err
	}
	d := &Descriptor{VDUs: map[string]VDU{}, Levels: map[string]map[string]int{}, Steps: map[string]map[string]int{}}
	nodes := parsed.Topology.Nodes
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		switch n := nodes[name]; n.Type {
		case "tosca.nodes.nfv.Vdu.Compute":
			v := d.VDUs[name]
			for _, r := range n.Requirements {
				if s := r["virtual_storage"]; s != "" {
					v.Storages = append(v.Storages, s)
				}
			}
			d.VDUs[name] = v
		case "tosca.nodes.nfv.VduCp":
			for _, r := range n.Requirements {
				if vdu := r["virtual_binding"]; vdu != "" {
					v := d.VDUs[vdu]
					v.CPs = append(v.CPs, name)
					d.VDUs[vdu] = v
				}
			}
		case "tosca.nodes.nfv.VnfVirtualLink":
			d.VirtualLinks = append(d.VirtualLinks, name)
		}
	}
	for _, named := range parsed.Topology.Policies {
		for name := range named {
			p := named[name]
			d.addPolicy(&p)
		}
	}
	if len(d.VDUs) == 0 {
		return nil, errors.New("the VNFD has no VDU")
	}
	return d, nil
}

func (d *Descriptor) addPolicy(p *policy) {
	count := func(into map[string]map[string]int, key string, n int) {
		if into[key] == nil {
			into[key] = map[string]int{}
		}
		for _, vdu := range p.Targets {
			into[key][vdu] = n
		}
	}
	switch p.Type {
	case "tosca.policies.nfv.InstantiationLevels":
		d.DefaultLevel = p.Properties.DefaultLevel
	case "tosca.policies.nfv.VduInstantiationLevels":
		for level, of := range p.Properties.Levels {
			count(d.Levels, level, of.Number)
		}
	case "tosca.policies.nfv.VduScalingAspectDeltas":
		for _, of := range p.Properties.Deltas {
			count(d.Steps, p.Properties.Aspect, of.Number)
		}
	case "tosca.policies.nfv.AffinityRule":
		d.Rules = append(d.Rules, Rule{"AFFINITY", strings.ToUpper(p.Properties.Scope), p.Targets})
	case "tosca.policies.nfv.AntiAffinityRule":
		d.Rules = append(d.Rules, Rule{"ANTI_AFFINITY", strings.ToUpper(p.Properties.Scope), p.Targets})
	}
}
