package httpapi

import (
	"context"

	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

// viewerOf is what a caller may see, as the database and the answers narrow it.
func viewerOf(p auth.Principal) placement.Viewer {
	return placement.Viewer{ClientID: p.ClientID, ReadsAll: p.Has(readers()...), LI: p.Has(auth.RoleLIAdmin)}
}

// seesLI tells whether a caller may know of lawful interception.
func seesLI(ctx context.Context) bool { return auth.FromContext(ctx).Has(auth.RoleLIAdmin) }
