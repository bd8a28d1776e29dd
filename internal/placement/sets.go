package placement

import "math/bits"

// Roles is the set of roles of a component or a resident.
type Roles uint16

// The roles. A component may have several.
const (
	RoleUserHandling Roles = 1 << iota
	RoleSignalling
	RoleNetworkManagement
	RoleBorder
	RoleKeyHolding
	RoleLI
	RoleDataStore
	RoleAnalytics
	RoleMonitoring
)

var roleNames = []string{
	"USER_HANDLING", "SIGNALLING", "NETWORK_MANAGEMENT", "BORDER", "KEY_HOLDING", "LI", "DATA_STORE", "ANALYTICS", "MONITORING",
}

// Names returns the wire names of the roles in the set, in the order of their declaration.
func (r Roles) Names() []string { return setNames(roleNames, uint64(r)) }

// ParseRoles reads wire names.
func ParseRoles(names []string) (Roles, error) {
	v, err := parseSet("role", roleNames, names)
	return Roles(v), err
}

// CutThroughs is the set of ways in which a workload reaches hardware past its isolation boundary.
type CutThroughs uint8

// The cut-throughs.
const (
	CutThroughSRIOV CutThroughs = 1 << iota
	CutThroughVFIO
	CutThroughGPU
	CutThroughFPGA
	CutThroughVDPA
)

var cutThroughNames = []string{"SRIOV", "VFIO", "GPU", "FPGA", "VDPA"}

// Names returns the wire names of the set.
func (c CutThroughs) Names() []string { return setNames(cutThroughNames, uint64(c)) }

// ParseCutThroughs reads wire names.
func ParseCutThroughs(names []string) (CutThroughs, error) {
	v, err := parseSet("cut-through", cutThroughNames, names)
	return CutThroughs(v), err
}

// Privileges is the set of rights by which a workload may leave its container.
type Privileges uint8

// The privileges; any of them makes the workload's own isolation NONE.
const (
	PrivilegePrivileged Privileges = 1 << iota
	PrivilegeHostNetwork
	PrivilegeHostPID
	PrivilegeHostIPC
	PrivilegeHostPath
	PrivilegeCapSysAdmin
)

var privilegeNames = []string{"PRIVILEGED", "HOST_NETWORK", "HOST_PID", "HOST_IPC", "HOST_PATH", "CAP_SYS_ADMIN"}

// Names returns the wire names of the set.
func (p Privileges) Names() []string { return setNames(privilegeNames, uint64(p)) }

// ParsePrivileges reads wire names.
func ParsePrivileges(names []string) (Privileges, error) {
	v, err := parseSet("privilege", privilegeNames, names)
	return Privileges(v), err
}

// Accelerations is the set of ways to start or to share faster that keep state of one workload where another one may find it.
type Accelerations uint8

// The accelerations. The first two are kinds of artefact, the others are what a host does.
const (
	AccelerationCheckpoint Accelerations = 1 << iota
	AccelerationVMTemplate
	AccelerationNodeToNodeImages
	AccelerationPageSharing
)

var accelerationNames = []string{"CHECKPOINT", "VM_TEMPLATE", "NODE_TO_NODE_IMAGES", "PAGE_SHARING"}

// Names returns the wire names of the set.
func (a Accelerations) Names() []string { return setNames(accelerationNames, uint64(a)) }

// ParseAccelerations reads wire names.
func ParseAccelerations(names []string) (Accelerations, error) {
	v, err := parseSet("acceleration", accelerationNames, names)
	return Accelerations(v), err
}

// Capabilities is the set of security-relevant abilities of a host.
type Capabilities uint32

// The host capabilities.
const (
	CapTPM2 Capabilities = 1 << iota
	CapSecureBoot
	CapMeasuredBoot
	CapTEE
	CapTEESEVSNP
	CapTEETDX
	CapTEECCA
	CapTEESGX
	CapMemEnc
	CapHSM
	CapHSMNetwork
	CapEncStorage
	CapCacheEnc
	CapCacheVerity
	CapEphemeralEnc
	CapRAMSnapshot
	CapGuestPull
	CapSeparatePorts
	CapSRIOV
)

var capabilityNames = []string{
	"TPM2", "SECURE_BOOT", "MEASURED_BOOT", "TEE", "TEE_SEV_SNP", "TEE_TDX", "TEE_CCA", "TEE_SGX", "MEM_ENC", "HSM",
	"HSM_NETWORK", "ENC_STORAGE", "CACHE_ENC", "CACHE_VERITY", "EPHEMERAL_ENC", "RAM_SNAPSHOT", "GUEST_PULL", "SEPARATE_PORTS", "SRIOV",
}

// Names returns the wire names of the set.
func (c Capabilities) Names() []string { return setNames(capabilityNames, uint64(c)) }

// Has tells whether every capability of want is present. A TEE of a particular kind implies TEE.
func (c Capabilities) Has(want Capabilities) bool { return c.closed()&want == want }

// Missing returns the capabilities of want that are absent.
func (c Capabilities) Missing(want Capabilities) Capabilities { return want &^ c.closed() }

func (c Capabilities) closed() Capabilities {
	if c&(CapTEESEVSNP|CapTEETDX|CapTEECCA|CapTEESGX) != 0 {
		return c | CapTEE
	}
	return c
}

// ParseCapabilities reads wire names.
func ParseCapabilities(names []string) (Capabilities, error) {
	v, err := parseSet("capability", capabilityNames, names)
	return Capabilities(v), err
}

func setNames(names []string, v uint64) []string {
	out := make([]string, 0, bits.OnesCount64(v))
	for i, n := range names {
		if v&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

func parseSet(what string, known, given []string) (uint64, error) {
	var v uint64
	for _, g := range given {
		i, err := indexOf(what, known, g)
		if err != nil {
			return 0, err
		}
		v |= 1 << i
	}
	return v, nil
}
