package e2e

import (
	"context"
	"testing"

	"ringfence/test/server"
)

// loadReference imports the reference deployment and puts its policy in force, with the commands that the README names.
func loadReference(ctx context.Context, t *testing.T, s *server.Process) {
	t.Helper()
	const reference = "../../deployments/reference/"
	s.Command(ctx, t, "import", reference+"deployment.yaml")
	s.Command(ctx, t, "policy", "apply", reference+"policy.yaml", "--activate")
}
