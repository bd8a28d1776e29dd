package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/api/inventory"
	placementapi "ringfence/api/placement"
)

// TestCommandsOnAService takes the commands through the life of a deployment, on a real service and a real database.
func TestCommandsOnAService(t *testing.T) {
	t.Parallel()
	dir, err := demoFolder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	running, err := startDemo(t.Context(), os.Getenv, dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(explained(err, dir))
	}
	t.Cleanup(func() {
		if err := running.end(); err != nil {
			t.Error(explained(err, dir))
		}
	})
	s := &service{url: running.url}
	must := func(code int, args ...string) result {
		t.Helper()
		got := s.command(t, "", args...)
		if got.code != code {
			t.Fatalf("ringfence %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got.code, code, got.stdout, got.stderr)
		}
		return got
	}
	says := func(got result, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(got.stdout+got.stderr, want) {
				t.Errorf("no %q in:\n%s%s", want, got.stdout, got.stderr)
			}
		}
	}
	const (
		deployment = "../../deployments/reference/deployment.yaml"
		policyFile = "../../deployments/reference/policy.yaml"
		vm         = "../../deployments/reference/requests/instantiate-upf-vm.json"
		forbidden  = "../../deployments/reference/requests/instantiate-arpf-plain-vm.json"
	)

	// A fleet, out and in again. A document with a fault is refused whole, with its place.
	says(must(exitOK, "import", deployment), "hosts            12")
	exported := must(exitOK, "export").stdout
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	write(t, file, exported)
	says(must(exitOK, "import", file), "hosts            0         0         12")
	if again := must(exitOK, "export").stdout; again != exported {
		t.Error("the export changed by importing it")
	}
	var fleet inventory.Inventory
	if err := json.Unmarshal([]byte(must(exitOK, "export", "-o", "json").stdout), &fleet); err != nil || len(fleet.Hosts) != 12 {
		t.Errorf("%d hosts in the export, %v", len(fleet.Hosts), err)
	}
	faulty := strings.Replace(exported, "hostPoolId: pool-up", "hostPoolId: pool-none", 1)
	write(t, file, faulty)
	line := 1 + strings.Count(faulty[:strings.Index(faulty, "pool-none")], "\n")
	says(must(exitRefused, "import", file), fmt.Sprintf("%s:%d:", file, line), "pool-none", "is refused")

	// No policy, no grant. A policy that is transferred changes nothing until it is activated.
	says(must(exitRefused, "explain", vm), "NO-POLICY")
	says(must(exitOK, "policy", "apply", policyFile, "--name", "reference"), "in force   no")
	says(must(exitRefused, "explain", vm), "NO-POLICY")
	says(must(exitOK, "policy", "apply", policyFile, "--name", "reference", "--activate"), "in force   yes", "is there already, just so")
	says(must(exitOK, "policy", "list"), "reference   yes        1.0.0")
	if want, _ := os.ReadFile(policyFile); must(exitOK, "policy", "show", "reference", "--content").stdout != string(want) {
		t.Error("the policy is not kept byte for byte")
	}

	// A grant, and the same again.
	says(must(exitOK, "explain", vm), "GRANT", "would do", "FEASIBLE")
	granted := must(exitOK, "grant", vm, "-o", "name").stdout
	if again := must(exitOK, "grant", vm, "-o", "name").stdout; again != granted {
		t.Errorf("granted %s, then %s", granted, again)
	}
	reserved := must(exitOK, "reservation", "list", "--grant", strings.TrimSpace(granted), "-o", "json").stdout
	var reservations []placementapi.Reservation
	if err := json.Unmarshal([]byte(reserved), &reservations); err != nil || len(reservations) != 1 {
		t.Fatalf("%v, reserved %s", err, reserved)
	}
	r := reservations[0]
	says(must(exitOK, "directives", r.HostID), "PLACE", "VDU1 of "+r.VNFInstanceID)

	// A refusal, why, and what would be on one host.
	says(must(exitRefused, "grant", forbidden), "refused    decision", "R-ISO-SEC")
	says(must(exitRefused, "explain", forbidden, "--host", "h05"), "h05 would not do:", "R-ISO-SEC")
	says(must(exitRefused, "explain", forbidden, "--full"), "h01        R-POOL", "h12        R-POOL")
	refusal := strings.TrimSpace(must(exitOK, "decision", "list", "--kind", "GRANT", "--outcome", "REFUSE", "-o", "name").stdout)
	says(must(exitOK, "decision", "show", refusal), "REFUSE     decision "+refusal, "R-ISO-SEC")
	for id := range strings.FieldsSeq(must(exitOK, "decision", "list", "--limit", "0", "-o", "name").stdout) {
		says(must(exitOK, "decision", "replay", id), "replays with 0 differences")
	}

	// Operations.
	says(must(exitOK, "host", "cordon", "h02", "--reason", "firmware"), "host h02 is CORDONED")
	says(must(exitOK, "host", "list", "--lifecycle", "CORDONED"), "h02", "CORDONED")
	says(must(exitOK, "host", "show", "h02"), "CORDONED firmware")
	says(must(exitRefused, "explain", vm, "--host", "h02"), "LIFECYCLE")
	says(must(exitOK, "host", "uncordon", "h02"), "host h02 is IN_SERVICE")
	says(must(exitOK, "host", "quarantine", "h02", "h07", "--reason", "stolen disks"), "host h02 is QUARANTINED\nhost h07 is QUARANTINED")
	says(must(exitOK, "host", "show", "h02"), "QUARANTINED stolen disks")
	says(must(exitOK, "directives", "h02"), "QUARANTINE", "start nothing new: stolen disks")
	says(must(exitServer, "host", "uncordon", "h02"), "is QUARANTINED")
	says(must(exitOK, "host", "unquarantine", "h02", "--reason", "imaged anew"), "host h02 is CORDONED")
	says(must(exitServer, "host", "show", "h99"), "h99")
	says(must(exitOK, "reservation", "release", r.ID, "--reason", "never created"), "is RELEASED")
	says(must(exitOK, "directives", r.HostID), "RELEASE", "never created")
	says(must(exitOK, "health"), "ready")
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
