package synthetic

import (
	"fmt"
	"time"

	"ringfence/internal/placement"
)

// hour and day are how old the attestation of a host may be for sensitive and for other trust domains.
const (
	hour = time.Hour
	day  = 24 * time.Hour
)

func trustDomains() []placement.TrustDomain {
	both, home := []string{"GB", "IE"}, []string{"GB"}
	return []placement.TrustDomain{
		{ID: "TD-UP", Category: placement.CategoryUserPlane, Sensitivity: 2, AllowedCountries: both, MaxAttestationAge: day},
		{ID: "TD-CP", Category: placement.CategoryControlPlane, Sensitivity: 3, RequiresPhysicalSecurity: true, AllowedCountries: both, MaxAttestationAge: day},
		{ID: "TD-SEC", Category: placement.CategorySecurityAnchor, Sensitivity: 4, Exclusive: true, RequiresPhysicalSecurity: true, AllowedCountries: home, MaxAttestationAge: hour},
		{ID: "TD-IC", Category: placement.CategoryInterconnect, Sensitivity: 2, RequiresPhysicalSecurity: true, AllowedCountries: both, MaxAttestationAge: day},
		{ID: "TD-EXP", Category: placement.CategoryExposure, Sensitivity: 2, RequiresPhysicalSecurity: true, AllowedCountries: both, MaxAttestationAge: day},
		{ID: "TD-OAM", Category: placement.CategoryOversight, Sensitivity: 4, Exclusive: true, RequiresPhysicalSecurity: true, AllowedCountries: home, MaxAttestationAge: day},
		{ID: "TD-LI", Category: placement.CategoryLI, Sensitivity: 4, Exclusive: true, RequiresPhysicalSecurity: true, AllowedCountries: home, MaxAttestationAge: hour},
		{ID: "TD-RAN", Category: placement.CategoryRAN, Sensitivity: 1, AllowedCountries: both, MaxAttestationAge: day},
		{ID: "TD-TEST", Category: placement.CategoryTest, AllowedCountries: both, MaxAttestationAge: day},
	}
}

func hostPools() []placement.HostPool {
	return []placement.HostPool{
		{ID: "pool-up", AllowedTrustDomainIDs: []string{"TD-UP"}},
		{ID: "pool-core", AllowedTrustDomainIDs: []string{"TD-CP", "TD-EXP"}},
		{ID: "pool-sec", AllowedTrustDomainIDs: []string{"TD-SEC"}},
		{ID: "pool-border", AllowedTrustDomainIDs: []string{"TD-EXP", "TD-IC"}},
		{ID: "pool-oam", AllowedTrustDomainIDs: []string{"TD-OAM"}},
		{ID: "pool-li", AllowedTrustDomainIDs: []string{"TD-LI"}},
		{ID: "pool-edge", AllowedTrustDomainIDs: []string{"TD-RAN"}},
		{ID: "pool-dr", AllowedTrustDomainIDs: []string{"TD-CP", "TD-UP"}},
	}
}

func runtimeClasses() []placement.RuntimeClass {
	return []placement.RuntimeClass{
		{Name: "gvisor", Isolation: placement.IsolationSandbox},
		{Name: "kata", Isolation: placement.IsolationVM, Overhead: placement.Resources{placement.DimMemoryMiB: 160}},
		{Name: "kata-cc", Isolation: placement.IsolationConfidentialVM, Overhead: placement.Resources{placement.DimMemoryMiB: 256}},
		{Name: "runc", Isolation: placement.IsolationOSContainer},
	}
}

// function is a network function of one component, as it runs and as it is asked for.
type function struct {
	vnfd      string
	nfType    string
	component string
	domain    string
	roles     placement.Roles
	exposed   bool
	runtime   string              // empty: any of at least the isolation
	isolation placement.Isolation // asked as a floor
	sriov     bool
}

// The network functions of the fleet.
var (
	amf     = function{vnfd: "amf", nfType: "AMF", component: "sig", domain: "TD-CP", roles: placement.RoleSignalling, runtime: "kata"}
	smf     = function{vnfd: "smf", nfType: "SMF", component: "sig", domain: "TD-CP", roles: placement.RoleSignalling, isolation: placement.IsolationVM}
	pcf     = function{vnfd: "pcf", nfType: "PCF", component: "sig", domain: "TD-CP", roles: placement.RoleSignalling, runtime: "runc"}
	nef     = function{vnfd: "nef", nfType: "NEF", component: "api", domain: "TD-EXP", roles: placement.RoleBorder, exposed: true, runtime: "kata"}
	upf     = function{vnfd: "upf", nfType: "UPF", component: "pfe", domain: "TD-UP", roles: placement.RoleUserHandling, exposed: true, runtime: "runc", sriov: true}
	upfVM   = function{vnfd: "upf-vm", nfType: "UPF", component: "pfe", domain: "TD-UP", roles: placement.RoleUserHandling, exposed: true, runtime: "kata"}
	du      = function{vnfd: "du", nfType: "DU", component: "l2", domain: "TD-RAN", roles: placement.RoleUserHandling, exposed: true, runtime: "runc", sriov: true}
	cu      = function{vnfd: "cu", nfType: "CU", component: "rrc", domain: "TD-RAN", roles: placement.RoleSignalling, isolation: placement.IsolationVM}
	sepp    = function{vnfd: "sepp", nfType: "SEPP", component: "n32", domain: "TD-IC", roles: placement.RoleBorder, exposed: true, runtime: "kata"}
	udm     = function{vnfd: "udm", nfType: "UDM", component: "arpf", domain: "TD-SEC", roles: placement.RoleKeyHolding, runtime: "kata-cc"}
	ems     = function{vnfd: "ems", nfType: "EMS", component: "app", domain: "TD-OAM", roles: placement.RoleNetworkManagement, runtime: "runc"}
	mdf     = function{vnfd: "mdf", nfType: "MDF", component: "mdf2", domain: "TD-LI", roles: placement.RoleKeyHolding | placement.RoleLI, runtime: "kata"}
	allOfIt = []function{amf, smf, pcf, nef, upf, upfVM, du, cu, sepp, udm, ems, mdf}
)

// sizes are the sizes that profiles come in: the n-th uses n times as much.
const sizes = 3

// profileID names the VNFD of a function in a size.
func (f *function) profileID(size int) string { return fmt.Sprintf("%s-%d", f.vnfd, size) }

// resources of one instance in a size from 1.
func (f *function) resources(size int) placement.Resources {
	n := int64(size)
	r := placement.Resources{placement.DimCPUMillis: 1000 * n, placement.DimMemoryMiB: 2048 * n, placement.DimEphemeralStorageMiB: 4096 * n}
	if f.sriov {
		r[placement.DimSRIOVVFs] = n
	}
	return r
}

func (f *function) cutThrough() placement.CutThroughs {
	if f.sriov {
		return placement.CutThroughSRIOV
	}
	return 0
}

func (f *function) profile(size int) placement.VNFProfile {
	return placement.VNFProfile{
		VNFDID: f.profileID(size), NFType: f.nfType, TrustDomainID: f.domain,
		Components: []placement.Component{{
			ID: f.component, Roles: f.roles, Exposed: f.exposed, Runtime: f.runtime, Isolation: f.isolation, CutThrough: f.cutThrough(),
			Resources: f.resources(size),
		}},
	}
}

// workload is the function as a resident, or as the workload of a demand.
func (f *function) workload(vnfInstanceID string, size int) placement.Workload {
	return placement.Workload{
		NF: placement.NF{VNFInstanceID: vnfInstanceID, Type: f.nfType}, VNFDID: f.profileID(size), ComponentID: f.component,
		TrustDomainID: f.domain, Roles: f.roles, Exposed: f.exposed, CutThrough: f.cutThrough(), Runtime: f.runtime, Resources: f.resources(size),
	}
}

func vnfProfiles() []placement.VNFProfile {
	var out []placement.VNFProfile
	for i := range allOfIt {
		for size := 1; size <= sizes; size++ {
			out = append(out, allOfIt[i].profile(size))
		}
	}
	return out
}
