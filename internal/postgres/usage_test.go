package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// TestCheckUsage finds a difference in every known dimension and in two of the operator's own.
func TestCheckUsage(t *testing.T) {
	t.Parallel()
	s, ownerURL := newFleet(t)
	_, err := connect(t, ownerURL).Exec(t.Context(), `
		UPDATE host SET cpu_millis_used = cpu_millis_used + 1, memory_mib_used = memory_mib_used + 2,
			ephemeral_storage_mib_used = ephemeral_storage_mib_used + 3, hugepages_2mi_used = hugepages_2mi_used + 4,
			hugepages_1gi_used = hugepages_1gi_used + 5, sriov_vfs_used = sriov_vfs_used + 6, gpus_used = gpus_used + 7,
			tee_guests_used = tee_guests_used + 8
		WHERE id = 'h01';
		UPDATE host_ext_capacity SET used = used - 1 WHERE host_id = 'h01';
		INSERT INTO host_ext_capacity VALUES ('LON', 'h01', 'ext.new', 0, 9)`)
	if err != nil {
		t.Fatal(err)
	}
	want := placement.Resources{"ext.fpga": -1, "ext.new": 9}
	for i, dimension := range placement.Dimensions() {
		want[dimension] = int64(i + 1)
	}
	got := must(s.CheckUsage(t.Context()))(t)
	if diff := cmp.Diff(map[placement.HostKey]placement.Resources{{NFVIPoPID: "LON", HostID: "h01"}: want}, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
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
