package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// TestCheckUsage finds a difference in every known dimension and in one of the operator's own.
func TestCheckUsage(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	key := placement.HostKey{NFVIPoPID: "LON", HostID: "h01"}
	delta := placement.Resources{"ext.fpga": 1, "ext.new": 7}
	for i, dimension := range placement.Dimensions() {
		delta[dimension] = int64(i + 1)
	}
	add := func(delta placement.Resources) error {
		return s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error {
			if err := lockHost(t.Context(), tx, key); err != nil {
				return err
			}
			return addUsage(t.Context(), tx, key, delta)
		})
	}
	if err := add(delta); err != nil {
		t.Fatal(err)
	}
	got := must(s.CheckUsage(t.Context()))(t)
	if diff := cmp.Diff(map[placement.HostKey]placement.Resources{key: delta}, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if err := add(placement.Resources{}.Minus(delta)); err != nil {
		t.Fatal(err)
	}
	if got = must(s.CheckUsage(t.Context()))(t); len(got) != 0 {
		t.Errorf("differences after taking them back: %v", got)
	}
	wantKind(t, add(placement.Resources{placement.DimGPUs: -1}), placement.Internal)
	wantKind(t, add(placement.Resources{"ext.fpga": -100}), placement.Internal)
}

// TestRecomputeUsage mends what CheckUsage finds.
func TestRecomputeUsage(t *testing.T) {
	t.Parallel()
	s, ownerURL := newFleet(t)
	_, err := connect(t, ownerURL).Exec(t.Context(), `
		UPDATE host SET cpu_millis_used = 7, gpus_used = 1;
		UPDATE host_ext_capacity SET used = used + 1 WHERE host_id = 'h02';
		DELETE FROM host_ext_capacity WHERE host_id = 'h03'`)
	if err != nil {
		t.Fatal(err)
	}
	if got := must(s.CheckUsage(t.Context()))(t); len(got) != 3 {
		t.Errorf("differences %v, want some on all three hosts", got)
	}
	err = s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error {
		for pop, ids := range map[string][]string{"LON": {"h01", "h02"}, "DUB": {"h03"}} {
			if err := recomputeUsage(t.Context(), tx, pop, ids); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := must(s.CheckUsage(t.Context()))(t); len(got) != 0 {
		t.Errorf("differences %v", got)
	}
}

func TestLockHostsMissing(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	keys := []placement.HostKey{{NFVIPoPID: "LON", HostID: "h02"}, {NFVIPoPID: "DUB", HostID: "h02"}, {NFVIPoPID: "LON", HostID: "h01"}, {NFVIPoPID: "LON", HostID: "h01"}}
	err := s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error {
		missing, err := lockHosts(t.Context(), tx, keys)
		if diff := cmp.Diff([]placement.HostKey{{NFVIPoPID: "DUB", HostID: "h02"}}, missing); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
		if err != nil {
			return err
		}
		return lockExisting(t.Context(), tx, keys)
	})
	wantKind(t, err, placement.Conflict)
}
