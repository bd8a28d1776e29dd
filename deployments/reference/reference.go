// Package reference holds the documents of the reference deployment: the fleet, its policy and grant requests to
// try them with, for the demo and for tests. It holds bytes only and reads none of them.
package reference

import "embed"

// Files holds deployment.yaml (an inventory document), policy.yaml (a policy document) and requests/*.json (SOL003
// grant requests).
//
//go:embed deployment.yaml policy.yaml requests/*.json
var Files embed.FS
