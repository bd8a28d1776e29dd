package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/auth"
)

// roleRow says of which roles a caller needs one for some operations; none: whoever is authenticated may call them.
type roleRow struct {
	roles      []auth.Role
	operations string // their ids, separated by blanks
}

// roleTable has a row for every operation of the contract. An operation without one, or with two, stops the start, so that nothing is open
// by omission. testdata/roles.txt is the same as a table, as it is found by calling.
func roleTable() []roleRow {
	return []roleRow{
		// Whoever is authenticated.
		{nil, "listKeys getApiVersions getApiVersionsOfV1 getApiVersionsOfV2 getPolicySchema"},
		// Who asks for grants, and tells what became of them.
		{[]auth.Role{auth.RoleVNFM, auth.RoleNFVO}, "createGrant getGrant testVnfLcmNotification notifyVnfLcm"},
		// Who grants itself and wants the placement only.
		{[]auth.Role{auth.RoleNFVO}, "createReservations confirmReservations releaseReservations"},
		// What requests must meet; an NFVO may speak of what is its own, which the handler asks for.
		{[]auth.Role{auth.RoleOperator, auth.RoleNFVO}, "createStandingConstraint deleteStandingConstraint"},
		{readers(auth.RoleNFVO), "listStandingConstraints getStandingConstraint"},
		// These see what they asked themselves.
		{readers(auth.RoleVNFM, auth.RoleNFVO), "createDecision listReservations getReservation listPlacedResidencies"},
		// VNFMs fetch from here what their NFVO onboarded.
		{readers(auth.RoleVNFM, auth.RoleNFVO), "getOnboardedVnfPackage getVnfd getPackageContent"},
		// Who asked sees what it asked itself, here too.
		{readers(auth.RoleVNFM, auth.RoleNFVO, auth.RoleAgent), "listDecisions getDecision"},
		// About the caches that the agent keeps.
		{readers(auth.RoleAgent), "createCacheDecision"},
		// Who may know what everybody runs, and may be told of policies.
		{readers(), "listTrustDomains getTrustDomain listTrustRelations getTrustRelation listNfviPops getNfviPop listResourceZones " +
			"getResourceZone listHostPools getHostPool listRuntimeClasses getRuntimeClass listHosts getHost listImages getImage " +
			"listVnfProfiles getVnfProfile listVnfPackages getVnfPackage getVnfdDraft listResidencies getResidency listCacheEntries getCacheEntry listAttestations " +
			"listScrubRecords listPendingChanges getPendingChange exportInventory listPolicies getPolicy getSelectedPolicyVersion " +
			"getPolicyVersion createPolicySubscription listPolicySubscriptions getPolicySubscription deletePolicySubscription " +
			"listViolations getViolation listVnfms getVnfm listEnforcementModes getEnforcementMode getEnforcementReport getPolicyAnalysis " +
			"getPendingChangeAnalysis"},
		// Who writes policies does not put them in force.
		{[]auth.Role{auth.RoleAuthor}, "createPolicy deletePolicy transferPolicyVersion deletePolicyVersion"},
		// What is in force and what waits for a second person; who runs a host does not say that it is trusted again.
		{[]auth.Role{auth.RoleApprover}, "quarantineHost unquarantineHost approvePendingChange modifyPolicy"},
		// To reject changes nothing, and who asked may take it back; to observe takes an approver, which the handler asks for.
		{[]auth.Role{auth.RoleApprover, auth.RoleOperator}, "rejectPendingChange putEnforcementMode"},
		// The inventory, and what runs.
		{[]auth.Role{auth.RoleOperator}, "createVnfm deleteVnfm createScrubOrder onboardVnfPackage completeVnfPackage deleteVnfPackage putTrustDomain patchTrustDomain deleteTrustDomain putTrustRelation patchTrustRelation " +
			"deleteTrustRelation putNfviPop patchNfviPop deleteNfviPop putResourceZone patchResourceZone deleteResourceZone " +
			"putHostPool patchHostPool deleteHostPool putRuntimeClass patchRuntimeClass deleteRuntimeClass putHost patchHost " +
			"deleteHost putImage patchImage deleteImage putVnfProfile patchVnfProfile deleteVnfProfile putResidency patchResidency " +
			"deleteResidency putCacheEntry patchCacheEntry deleteCacheEntry importInventory releaseReservation"},
		// Recomputes a decision.
		{[]auth.Role{auth.RoleAuditor, auth.RoleOperator}, "replayDecision"},
		// Of all clients.
		{[]auth.Role{auth.RoleOperator, auth.RoleAuditor}, "listNotificationDeliveries"},
		// Who was refused is for who looks into it.
		{[]auth.Role{auth.RoleAuditor}, "listAccessRefusals"},
		// Attestations come from nobody else.
		{[]auth.Role{auth.RoleVerifier}, "createAttestation"},
		// Nor do records of cleaning.
		{[]auth.Role{auth.RoleScrubber}, "createScrubRecord"},
		// What a host did and shows.
		{[]auth.Role{auth.RoleAgent}, "createAck putObservedState"},
		// An agent reads for the hosts that it stands for.
		{[]auth.Role{auth.RoleAgent, auth.RoleOperator, auth.RoleAuditor}, "listHostDirectives listDirectives"},
	}
}

// rolesByOperation reads the table, and holds it against the operations that there are.
func rolesByOperation(operations []string) (map[string][]auth.Role, error) {
	table := map[string][]auth.Role{}
	for _, row := range roleTable() {
		for id := range strings.FieldsSeq(row.operations) {
			if _, twice := table[id]; twice {
				return nil, fmt.Errorf("roles: operation %s has two rows", id)
			}
			if !slices.Contains(operations, id) {
				return nil, fmt.Errorf("roles: operation %s is not in the contract", id)
			}
			table[id] = row.roles
		}
	}
	for _, id := range operations {
		if _, ok := table[id]; !ok {
			return nil, fmt.Errorf("roles: operation %s has no row: say in roleTable who may call it", id)
		}
	}
	return table, nil
}

// readers may know what everybody runs; others beside them only what is theirs.
func readers(others ...auth.Role) []auth.Role {
	return append([]auth.Role{auth.RoleOperator, auth.RoleAuditor, auth.RoleAuthor, auth.RoleApprover}, others...)
}
