package inventory

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ringfence/internal/placement"
)

// TestEachStored proves that few records are looked up and many are met on a pass, and that what is not stored is met as
// nothing, either way.
func TestEachStored(t *testing.T) {
	t.Parallel()
	stored := make([]placement.Host, 2500)
	for i := range stored {
		stored[i] = placement.Host{ID: fmt.Sprintf("h%04d", 2*i), Revision: 7}
	}
	c := Collection[placement.Host]{
		key: func(h *placement.Host) Key { return ID(h.ID) },
		get: func(_ context.Context, k Key) (placement.Host, error) {
			for i := range stored {
				if stored[i].ID == k[0] {
					return stored[i], nil
				}
			}
			return placement.Host{}, placement.Errorf(placement.NotFound, "no host")
		},
		list: func(_ context.Context, p placement.Page) ([]placement.Host, error) {
			var page []placement.Host
			for i := range stored {
				if stored[i].ID > p.After && len(page) < p.Limit {
					page = append(page, stored[i])
				}
			}
			return page, nil
		},
	}
	for _, n := range []int{3, fewRecords, fewRecords + 1, 4000} {
		wanted := map[Key]int{}
		for i := range n {
			wanted[ID(fmt.Sprintf("h%04d", i))] = i
		}
		met := map[int]bool{}
		err := eachStored(t.Context(), &c, wanted, func(i int, h *placement.Host) {
			if met[i] {
				t.Errorf("%d of %d is met twice", i, n)
			}
			met[i] = true
			if isStored := h.Revision == 7; isStored != (i%2 == 0) {
				t.Errorf("%d of %d is met as %v", i, n, h)
			}
		})
		if err != nil || len(met) != n {
			t.Errorf("%d of %d were met: %v", len(met), n, err)
		}
	}
}

// TestOfOneRecord proves that what the store says of a document of one entry is said of the entry.
func TestOfOneRecord(t *testing.T) {
	t.Parallel()
	fault := func(code, pointer string) placement.Finding {
		return placement.Finding{Code: code, Pointer: pointer, Message: "fault at " + pointer}
	}
	for _, c := range []struct {
		findings []placement.Finding
		pointers string
	}{
		{[]placement.Finding{fault(CodeUnknownReference, "/hosts/0/hostPoolId")}, "/hostPoolId"},
		{[]placement.Finding{fault(CodeUnknownReference, "/hosts/0/hostPoolId"), fault(CodeInvalid, "/hosts/0/id")}, "/hostPoolId /id"},
		{[]placement.Finding{fault(CodeDuplicate, "/hosts/0")}, ""},
		{[]placement.Finding{fault("WRONG_POP", "/hosts/0/a~1b/2")}, "/a~1b/2"},
	} {
		err := ofOneRecord(&placement.Error{Kind: placement.Invalid, Message: "the document has faults", Findings: c.findings})
		var pointers []string
		if e, ok := err.(*placement.Error); ok { //nolint:errorlint // it is made here
			for _, f := range e.Findings {
				pointers = append(pointers, f.Pointer)
			}
		}
		if got := strings.Join(pointers, " "); placement.KindOf(err) != placement.Invalid || got != c.pointers {
			t.Errorf("%v: %v at %q, want it invalid at %q", c.findings, placement.KindOf(err), got, c.pointers)
		}
		if strings.Contains(err.Error(), "document") {
			t.Errorf("one record is no document: %v", err)
		}
	}
	plain := placement.Errorf(placement.NotFound, "no host")
	if err := ofOneRecord(plain); err != error(plain) { //nolint:errorlint // the same error
		t.Errorf("%v became %v", plain, err)
	}
}
