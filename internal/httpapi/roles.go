package httpapi

import (
	"net/http"

	"ringfence/internal/auth"
	"ringfence/openapi"
)

// rolesOf lists the roles of which a caller needs one; none means that everyone who is authenticated may call.
// What is not listed is for operations staff, so that a new operation is not open by omission.
func rolesOf(api, operation, method string) []auth.Role {
	if roles, ok := operationRoles[operation]; ok {
		return roles
	}
	read := method == http.MethodGet || method == http.MethodHead
	switch api {
	case openapi.NameGrant:
		return []auth.Role{auth.RoleVNFM, auth.RoleNFVO}
	case openapi.NameNFVPolicy:
		if read {
			return readers()
		}
		return []auth.Role{auth.RoleAuthor}
	case openapi.NameInventory, openapi.NamePlacement:
		if read {
			return readers()
		}
		return []auth.Role{auth.RoleOperator}
	case openapi.NameVNFPkgM:
		return askers(auth.RoleVNFM, auth.RoleNFVO)
	case openapi.NameDirectives:
		return []auth.Role{auth.RoleAgent}
	}
	return []auth.Role{auth.RoleOperator}
}

// operationRoles are the operations whose roles differ from the rest of their API.
var operationRoles = map[string][]auth.Role{
	"getApiVersions":           {},
	"getApiVersionsOfV1":       {},
	"getApiVersionsOfV2":       {},
	"modifyPolicy":             {auth.RoleApprover}, // all that it changes is what is in force, and where
	"createPolicySubscription": readers(),           // whoever may read policies may be told of them
	"deletePolicySubscription": readers(),
	"approvePendingChange":     {auth.RoleApprover},
	"rejectPendingChange":      {auth.RoleApprover, auth.RoleOperator}, // it changes nothing, and who asked may take it back
	"quarantineHost":           {auth.RoleApprover},
	"unquarantineHost":         {auth.RoleApprover},                    // who runs the host does not say that it is trusted again
	"putEnforcementMode":       {auth.RoleApprover, auth.RoleOperator}, // to observe takes an approver; the handler asks
	"createAttestation":        {auth.RoleVerifier},
	"createScrubRecord":        {auth.RoleScrubber},
	"createScrubOrder":         {auth.RoleOperator},
	"createDecision":           askers(auth.RoleVNFM, auth.RoleNFVO),
	"createCacheDecision":      askers(auth.RoleAgent),
	"listDecisions":            askers(auth.RoleVNFM, auth.RoleNFVO, auth.RoleAgent),
	"getDecision":              askers(auth.RoleVNFM, auth.RoleNFVO, auth.RoleAgent),
	"replayDecision":           {auth.RoleAuditor, auth.RoleOperator},
	"listReservations":         askers(auth.RoleVNFM, auth.RoleNFVO),
	"getReservation":           askers(auth.RoleVNFM, auth.RoleNFVO),
	"listPlacedResidencies":    askers(auth.RoleVNFM, auth.RoleNFVO),
	"createReservations":       {auth.RoleNFVO},
	"confirmReservations":      {auth.RoleNFVO},
	"releaseReservations":      {auth.RoleNFVO},
	"testVnfLcmNotification":   {auth.RoleVNFM, auth.RoleNFVO},
	"notifyVnfLcm":             {auth.RoleVNFM, auth.RoleNFVO},
	"listHostDirectives":       {auth.RoleAgent, auth.RoleOperator, auth.RoleAuditor},
	"listDirectives":           {auth.RoleAgent, auth.RoleOperator, auth.RoleAuditor},
	"getPolicySchema":          {},
	"listKeys":                 {},

	"listNotificationDeliveries": {auth.RoleOperator, auth.RoleAuditor}, // of all clients
}

// readers may know what everybody runs.
func readers() []auth.Role {
	return []auth.Role{auth.RoleOperator, auth.RoleAuditor, auth.RoleAuthor, auth.RoleApprover}
}

// askers are the readers and those who may ask, and then know what they asked themselves.
func askers(roles ...auth.Role) []auth.Role { return append(readers(), roles...) }
