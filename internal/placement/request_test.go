package placement_test

import (
	"slices"
	"testing"

	"ringfence/internal/placement"
)

func TestFindExistingResource(t *testing.T) {
	t.Parallel()
	all := []placement.ExistingResource{
		{ResidencyID: "r1", VNFInstanceID: "other", VIMResourceIDs: []string{"vm", "both"}, VIMConnectionID: "vim-1"},
		{ResidencyID: "r2", VNFInstanceID: "own", VIMResourceIDs: []string{"vm", "r1"}, VIMConnectionID: "vim-2"},
		{ResidencyID: "r3", VNFInstanceID: "own", VIMResourceIDs: []string{"vm"}, VIMConnectionID: "vim-1"},
		{ResidencyID: "r4", VNFInstanceID: "third", VIMResourceIDs: []string{"both"}},
	}
	for _, c := range []struct{ vim, id, want string }{
		{"", "vm", "r2"},      // one's own, of these the lowest
		{"vim-1", "vm", "r3"}, // one's own under that VIM
		{"vim-2", "vm", "r2"},
		{"vim-3", "vm", ""},
		{"", "both", "r1"},      // nobody's own
		{"vim-3", "both", "r4"}, // whose VIM is not known
		{"", "r4", "r4"},
		{"", "r1", "r2"}, // one's own called so, before another's own id
		{"", "nothing", ""},
	} {
		ref := placement.ConstraintResourceRef{Existing: true, ResourceID: c.id, VIMConnectionID: c.vim}
		for range 2 {
			got := ""
			if e := ref.Find(all, "own"); e != nil {
				got = e.ResidencyID
			}
			if got != c.want {
				t.Errorf("%s under %q is %q, want %q", c.id, c.vim, got, c.want)
			}
			slices.Reverse(all) // the order makes no difference
		}
	}
}
