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
			return []auth.Role{auth.RoleAuthor, auth.RoleApprover, auth.RoleOperator, auth.RoleAuditor}
		}
		return []auth.Role{auth.RoleAuthor, auth.RoleApprover}
	case openapi.NameInventory, openapi.NamePlacement:
		if read {
			return []auth.Role{auth.RoleOperator, auth.RoleAuditor, auth.RoleAuthor, auth.RoleApprover}
		}
		return []auth.Role{auth.RoleOperator}
	case openapi.NameDirectives:
		return []auth.Role{auth.RoleAgent}
	}
	return []auth.Role{auth.RoleOperator}
}

// operationRoles are the operations whose roles differ from the rest of their API.
var operationRoles = map[string][]auth.Role{
	"getApiVersions":      {},
	"getApiVersionsOfV1":  {},
	"createAttestation":   {auth.RoleVerifier},
	"createScrubRecord":   {auth.RoleScrubber},
	"createDecision":      {auth.RoleVNFM, auth.RoleNFVO, auth.RoleOperator, auth.RoleAuthor, auth.RoleApprover, auth.RoleAuditor},
	"createCacheDecision": {auth.RoleAgent, auth.RoleOperator},
	"replayDecision":      {auth.RoleAuditor, auth.RoleOperator},
	"listKeys":            {},
}
