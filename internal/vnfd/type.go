package vnfd

import "strings"

// The node types of SOL001 that matter for placement, and those that it has beside them.
const (
	nodeVNF             = "tosca.nodes.nfv.VNF"
	nodeCompute         = "tosca.nodes.nfv.Vdu.Compute"
	nodeDeployableUnit  = "tosca.nodes.nfv.Vdu.OsContainerDeployableUnit"
	nodeContainer       = "tosca.nodes.nfv.Vdu.OsContainer"
	nodeBlockStorage    = "tosca.nodes.nfv.Vdu.VirtualBlockStorage"
	nodeObjectStorage   = "tosca.nodes.nfv.Vdu.VirtualObjectStorage"
	nodeFileStorage     = "tosca.nodes.nfv.Vdu.VirtualFileStorage"
	nodeConnectionPoint = "tosca.nodes.nfv.VduCp"
	nodeMCIOP           = "tosca.nodes.nfv.Mciop"
)

// networkTypes are the node types of SOL001 that describe networks only: placement does not read them.
var networkTypes = []string{
	"tosca.nodes.nfv.Cp", "tosca.nodes.nfv.VnfExtCp", "tosca.nodes.nfv.VduSubCp", "tosca.nodes.nfv.VipCp", "tosca.nodes.nfv.VirtualCp",
	"tosca.nodes.nfv.VnfVirtualLink",
}

// The policy and group types of SOL001 that matter for placement.
const (
	policyAffinity       = "tosca.policies.nfv.AffinityRule"
	policyAntiAffinity   = "tosca.policies.nfv.AntiAffinityRule"
	policyLevels         = "tosca.policies.nfv.InstantiationLevels"
	policyVDULevels      = "tosca.policies.nfv.VduInstantiationLevels"
	policyAspects        = "tosca.policies.nfv.ScalingAspects"
	policyDeltas         = "tosca.policies.nfv.VduScalingAspectDeltas"
	policyInitialDelta   = "tosca.policies.nfv.VduInitialDelta"
	groupPlacement       = "tosca.groups.nfv.PlacementGroup"
	artifactSoftware     = "tosca.artifacts.nfv.SwImage"
	ancestor             = "tosca.nodes.Root"
	standardPrefix       = "tosca."
	standardTypesPrefix  = "etsi_nfv_sol001_"
	standardTypesPostfix = "_types.yaml"
)

// otherPolicies are the policy types of SOL001 without a meaning for placement: networks, traffic, monitoring, coordination.
var otherPolicies = []string{
	"tosca.policies.nfv.VirtualLinkInstantiationLevels", "tosca.policies.nfv.VirtualLinkBitrateScalingAspectDeltas",
	"tosca.policies.nfv.VirtualLinkBitrateInitialDelta", "tosca.policies.nfv.VipCpScalingAspectDeltas",
	"tosca.policies.nfv.VipCpInitialDelta", "tosca.policies.nfv.VipCpInstantiationLevels", "tosca.policies.nfv.SupportedVnfInterface",
	"tosca.policies.nfv.SecurityGroupRule", "tosca.policies.nfv.Abstract.SecurityGroupRule", "tosca.policies.nfv.VnfIndicator",
	"tosca.policies.nfv.VnfPackageChange", "tosca.policies.nfv.LcmCoordinationAction", "tosca.policies.nfv.LcmCoordinationsForLcmOperation",
	"tosca.policies.nfv.LcmCoordination",
}

// registry knows the types that the documents of a descriptor define, by section and name.
type registry map[string]map[string]*value

var typeSections = []string{"node_types", "policy_types", "group_types", "artifact_types", "capability_types"}

// learn takes the types of a document.
func (g registry) learn(doc *value) {
	for _, section := range typeSections {
		for _, f := range doc.get(section).entries() {
			if g[section] == nil {
				g[section] = map[string]*value{}
			}
			if g[section][f.name] == nil {
				g[section][f.name] = f.value
			}
		}
	}
}

// base follows a type to the type of SOL001 that it is derived from, itself included. ok is false where that leads nowhere.
func (g registry) base(section, name string, known func(string) bool) (base string, ok bool) {
	for range maxTypeChain {
		if known(name) {
			return name, true
		}
		def := g[section][name]
		if name = def.get("derived_from").str(); name == "" {
			return "", false
		}
	}
	return "", false
}

// property is the default or only value that a type gives to a property of its nodes; nil: none.
func (g registry) property(typeName, property string) *value {
	for range maxTypeChain {
		def := g["node_types"][typeName]
		p := def.get("properties", property)
		if d := p.get("default"); d.given() {
			return d
		}
		for _, c := range p.get("constraints").entries() {
			if only := c.value.list(); (c.name == "equal" || c.name == "valid_values") && len(only) == 1 {
				return only[0]
			}
		}
		if typeName = def.get("derived_from").str(); typeName == "" {
			return nil
		}
	}
	return nil
}

// standardTypes tells whether a file is one of those that ETSI publishes with SOL001; what they define is known here.
func standardTypes(file string) bool {
	name := file[strings.LastIndexByte(file, '/')+1:]
	return strings.HasPrefix(name, standardTypesPrefix) && strings.HasSuffix(name, standardTypesPostfix)
}
