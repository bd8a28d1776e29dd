package contract

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/test/stub"
)

// TestTacker takes a VNF through its life with a VNFM that behaves as OpenStack Tacker does, and holds the tables to what it was
// answered and did, after each step: with hosts that carry out directives and report the names of their servers, and with hosts that
// nobody stands behind, of which only the VNFM tells.
func TestTacker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reports bool
		level   string
	}{
		"hosts that report":     {true, "instantiation_level_2"},
		"hosts nobody tells of": {false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTackerWorld(t, c.reports)
			(&tackerStory{tackerWorld: w, t: t, ledger: newLedger()}).run(c.level)
		})
	}
}

// TestTackerNamesNobodyKnows: servers that nobody told which is which are constrained by nothing and given back by nothing but the end
// of the VNF. That gives back everything.
func TestTackerNamesNobodyKnows(t *testing.T) {
	t.Parallel()
	s := &tackerStory{tackerWorld: newTackerWorld(t, false), t: t, ledger: newLedger()}
	s.begin()
	s.completed(s.vnf.Instantiate(t.Context(), "instantiation_level_2"))
	s.refused(s.vnf.ScaleOut(t.Context(), tackerAspect))
	s.completed(s.vnf.Terminate(t.Context()))
}

// tackerStory is the life of one VNF instance.
type tackerStory struct {
	*tackerWorld

	t      *testing.T
	ledger *ledger
	vnf    *stub.TackerVNF
}

const tackerAspect = "VDU1_scale"

// begin reads the package and creates the VNF instance.
func (s *tackerStory) begin() {
	s.t.Helper()
	s.cloud.began = func(op *stub.Operation) {
		s.ledger.begin(op)
		s.agree(op.Name + ", granted")
	}
	if err := s.tacker.TestNotifications(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	var err error
	if s.vnf, err = s.tacker.NewVNF(s.t.Context(), tackerVNFD, s.readPackage(tackerVNFD)); err != nil {
		s.t.Fatal(err)
	}
	s.agree("created")
}

func (s *tackerStory) run(level string) {
	ctx := s.t.Context()
	s.begin()
	op, err := s.vnf.Instantiate(ctx, level)
	s.completed(op, err)
	s.named(op, "m1.1.0", "disk-1.0")
	for len(s.vnf.VNFCs) < 4 { // VDU2, and VDU1 on each host
		s.completed(s.vnf.ScaleOut(ctx, tackerAspect))
	}
	s.refused(s.vnf.ScaleOut(ctx, tackerAspect))
	s.completed(s.vnf.ScaleIn(ctx, tackerAspect))
	s.failed(s.vnf.ScaleOut)
	s.completed(s.vnf.Heal(ctx, s.vnf.VNFCs[0]))
	s.completed(s.vnf.ScaleOut(ctx, tackerAspect))
	s.completed(s.vnf.ScaleIn(ctx, tackerAspect))
	op, err = s.vnf.ChangePackage(ctx, tackerNextVNFD, s.readPackage(tackerNextVNFD))
	s.completed(op, err)
	s.named(op, "m1.2.0", "disk-2.0")
	s.completed(s.vnf.Terminate(ctx))
	if len(s.ledger.stands) != 0 {
		s.t.Errorf("after its end the VNF still has %v", s.ledger.stands)
	}
}

func (s *tackerStory) readPackage(vnfdID string) *stub.Descriptor {
	s.t.Helper()
	_, d, err := s.tacker.ReadPackage(s.t.Context(), vnfdID)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// agree holds the tables to the ledger.
func (s *tackerStory) agree(when string) {
	s.t.Helper()
	if diff := cmp.Diff(s.ledger.books(), readBooks(s.t, s.ownerURL)); diff != "" {
		s.t.Errorf("%s: the tables (-want +got):\n%s", when, diff)
	}
}

func (s *tackerStory) completed(op *stub.Operation, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", op.Name, err)
	}
	s.ledger.complete(op)
	s.agree(op.Name + ", completed")
}

// refused expects an operation that no host can take: it is told why, and nothing changes.
func (s *tackerStory) refused(op *stub.Operation, err error) {
	s.t.Helper()
	problem, is := errors.AsType[*stub.Problem](err)
	if !is || !problem.Refused() || problem.Detail == "" {
		s.t.Fatalf("%s on a full fleet: %v", op.Name, err)
	}
	s.ledger.refuse(op)
	s.agree(op.Name + ", refused")
}

// failed expects an operation that is granted and cannot be carried out to give everything back when it is rolled back.
func (s *tackerStory) failed(scaleOut func(ctx context.Context, aspect string) (*stub.Operation, error)) {
	s.t.Helper()
	s.cloud.full = true
	op, err := scaleOut(s.t.Context(), tackerAspect)
	if !errors.Is(err, errFull) {
		s.t.Fatalf("%s in a VIM without room: %v", op.Name, err)
	}
	s.cloud.full = false
	s.ledger.fail(op, s.cloud.nfvi != nil)
	s.agree(op.Name + ", failed")
	if err := op.Rollback(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.ledger.rollBack(op)
	s.agree(op.Name + ", rolled back")
}

// named expects a grant to say what the VIM calls the flavours and images of the VNFD, and how to reach it.
func (s *tackerStory) named(op *stub.Operation, flavour, disk string) {
	s.t.Helper()
	g := op.Grant
	if g.Flavour("VDU1") != flavour || g.Flavour("VDU2") != "m1.small" || g.Image("VirtualStorage") != disk || g.Image("VDU2") == "" {
		s.t.Errorf("%s names %+v", op.Name, g.VIMAssets)
	}
	if c := g.VIMConnectionInfo["vim-lon"]; c.VIMType != "ETSINFV.OPENSTACK_KEYSTONE.V_3" || len(g.VIMConnectionInfo) != 1 {
		s.t.Errorf("%s has the connections %+v", op.Name, g.VIMConnectionInfo)
	}
}
