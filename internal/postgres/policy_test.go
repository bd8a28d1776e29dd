package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func transfer(t testing.TB, s *Store, id, version, content string) {
	t.Helper()
	err := s.PutPolicyVersion(t.Context(), placement.PolicyVersion{
		PolicyID: id, Version: version, MediaType: "application/yaml", Content: []byte(content), TransferredBy: tester,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPolicyLife(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	p := placement.PolicyRecord{ID: "p-1", Designer: "ops", Name: "base", PFID: "pf", Associations: []string{"vnf-1"}}
	got := must(s.CreatePolicy(ctx, p, tester))(t)
	p.Revision = 1
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	_, err := s.CreatePolicy(ctx, p, tester)
	wantKind(t, err, placement.Conflict)
	content := "rules: []\r\n\x00\xff"
	transfer(t, s, "p-1", "2.0", content)
	transfer(t, s, "p-1", "1.0", "other")
	err = s.PutPolicyVersion(ctx, placement.PolicyVersion{PolicyID: "p-1", Version: "1.0", Content: []byte("again")})
	wantKind(t, err, placement.Conflict)
	err = s.PutPolicyVersion(ctx, placement.PolicyVersion{PolicyID: "none", Version: "1.0"})
	wantKind(t, err, placement.NotFound)
	sum := sha256.Sum256([]byte(content))
	v := must(s.GetPolicyVersion(ctx, "p-1", "2.0"))(t)
	if string(v.Content) != content || v.SHA256 != hex.EncodeToString(sum[:]) || v.MediaType != "application/yaml" || v.TransferredBy != tester {
		t.Errorf("version %+v is not what was transferred", v)
	}
	_, err = s.GetPolicyVersion(ctx, "p-1", "3.0")
	wantKind(t, err, placement.NotFound)
	if p = must(s.GetPolicy(ctx, "p-1"))(t); !cmp.Equal(p.Versions, []string{"2.0", "1.0"}) || p.Revision != 3 || p.SelectedVersion != "2.0" {
		t.Errorf("policy %+v, want its versions in the order of transfer and the first one selected", p)
	}
	update := func(change func(*placement.PolicyRecord)) (placement.PolicyRecord, error) {
		return s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
			change(&p)
			return p, nil
		}, nil)
	}
	must(update(func(p *placement.PolicyRecord) { p.SelectedVersion, p.Activated = "2.0", true }))(t)
	wantKind(t, s.DeletePolicyVersion(ctx, "p-1", "2.0", tester), placement.Conflict)
	wantKind(t, s.DeletePolicyVersion(ctx, "p-1", "9.0", tester), placement.NotFound)
	wantKind(t, s.DeletePolicyVersion(ctx, "none", "9.0", tester), placement.NotFound)
	wantKind(t, s.DeletePolicy(ctx, "p-1", nil, tester), placement.Conflict)
	if err := s.DeletePolicyVersion(ctx, "p-1", "1.0", tester); err != nil {
		t.Error(err)
	}
	// Who approves a version by its name gets what was under that name when it was read.
	wantKind(t, s.PutPolicyVersion(ctx, placement.PolicyVersion{PolicyID: "p-1", Version: "1.0", Content: []byte("something else")}), placement.Conflict)
	_, err = update(func(p *placement.PolicyRecord) { p.SelectedVersion = "1.0" })
	wantKind(t, err, placement.Conflict)
	p = must(update(func(p *placement.PolicyRecord) { p.Activated = false }))(t)
	wantKind(t, s.DeletePolicy(ctx, "p-1", new(p.Revision-1), tester), placement.PreconditionFailed)
	if err := s.DeletePolicy(ctx, "p-1", &p.Revision, tester); err != nil {
		t.Error(err)
	}
	_, err = s.GetPolicy(ctx, "p-1")
	wantKind(t, err, placement.NotFound)
	wantKind(t, s.DeletePolicy(ctx, "p-1", nil, tester), placement.NotFound)
	for action, n := range map[string]int{
		"CREATE_POLICY": 1, "TRANSFER_POLICY": 2, "ACTIVATE": 1, "DEACTIVATE": 1, "DELETE_POLICY_VERSION": 1, "DELETE_POLICY": 1,
	} {
		if got := acts(t, s, action, "p-1"); got != n {
			t.Errorf("%d audit records of %s, want %d", got, action, n)
		}
	}
}

func TestListPolicies(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, id := range []string{"b", "a", "c"} {
		must(s.CreatePolicy(t.Context(), placement.PolicyRecord{ID: id}, tester))(t)
	}
	var ids []string
	for _, p := range must(s.ListPolicies(t.Context(), placement.Page{After: "a", Limit: 5}))(t) {
		ids = append(ids, p.ID)
	}
	if strings.Join(ids, " ") != "b c" {
		t.Errorf("policies after a: %q", ids)
	}
}

// TestActivation follows what is in force through the feed.
func TestActivation(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	for _, id := range []string{"p-1", "p-2"} {
		must(s.CreatePolicy(ctx, placement.PolicyRecord{ID: id}, tester))(t)
		transfer(t, s, id, "1", id+" one")
		transfer(t, s, id, "2", id+" two")
	}
	for _, c := range []struct {
		name   string
		id     string
		change func(*placement.PolicyRecord)
		bumps  int64
		active string
	}{
		{"select without force", "p-1", func(p *placement.PolicyRecord) { p.SelectedVersion = "1" }, 0, ""},
		{"activate", "p-1", func(p *placement.PolicyRecord) { p.Activated = true }, 1, "p-1 one"},
		{"the same again", "p-1", func(p *placement.PolicyRecord) { p.Activated = true }, 0, "p-1 one"},
		{"rename", "p-1", func(p *placement.PolicyRecord) { p.Name = "x" }, 0, "p-1 one"},
		{"a second one", "p-2", func(p *placement.PolicyRecord) { p.SelectedVersion, p.Activated = "2", true }, 1, "p-1 one, p-2 two"},
		{"select in force", "p-1", func(p *placement.PolicyRecord) { p.SelectedVersion = "2" }, 1, "p-1 two, p-2 two"},
		{"associate", "p-2", func(p *placement.PolicyRecord) { p.Associations = []string{"vnf-1"} }, 1, "p-1 two, p-2 two [vnf-1]"},
		{"deactivate", "p-1", func(p *placement.PolicyRecord) { p.Activated = false }, 1, "p-2 two [vnf-1]"},
	} {
		epoch, before := must(s.Epoch(ctx))(t), headOf(t, s)
		p := must(s.UpdatePolicy(ctx, c.id, nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
			c.change(&p)
			return p, nil
		}, nil))(t)
		if diff := cmp.Diff(must(s.GetPolicy(ctx, c.id))(t), p); diff != "" {
			t.Errorf("%s: what was returned is not what is stored (-stored +returned):\n%s", c.name, diff)
		}
		if got := must(s.Epoch(ctx))(t); got != epoch+c.bumps {
			t.Errorf("%s: the epoch went from %d to %d", c.name, epoch, got)
		}
		want := []string(nil)
		if c.bumps > 0 {
			want = []string{"POLICIES active", "POLICY_EPOCH epoch"}
		}
		if diff := cmp.Diff(want, kindsSince(t, s, before)); diff != "" {
			t.Errorf("%s: changes (-want +got):\n%s", c.name, diff)
		}
		r := replica{objects: map[string]placement.Change{}}
		r.follow(t, s)
		if got := inForce(r.objects["POLICIES active"].Policies); got != c.active {
			t.Errorf("%s: in force %q, want %q", c.name, got, c.active)
		}
	}
	wantConsistent(t, s)
}

func inForce(policies []placement.ActivePolicy) string {
	var out []string
	for _, p := range policies {
		text := string(p.Content)
		if len(p.Associations) > 0 {
			text += " [" + strings.Join(p.Associations, " ") + "]"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestUpdatePolicyRefuses(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	must(s.CreatePolicy(ctx, placement.PolicyRecord{ID: "p-1"}, tester))(t)
	keep := func(p placement.PolicyRecord) (placement.PolicyRecord, error) { return p, nil }
	_, err := s.UpdatePolicy(ctx, "none", nil, tester, keep, nil)
	wantKind(t, err, placement.NotFound)
	_, err = s.UpdatePolicy(ctx, "p-1", new(int64(2)), tester, keep, nil)
	wantKind(t, err, placement.PreconditionFailed)
	must(s.UpdatePolicy(ctx, "p-1", new(int64(1)), tester, keep, nil))(t)
	_, err = s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
		return p, placement.Errorf(placement.Forbidden, "not you")
	}, nil)
	wantKind(t, err, placement.Forbidden)
	_, err = s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
		p.Activated = true
		return p, nil
	}, nil)
	wantKind(t, err, placement.Invalid)
}

// TestBreakGlassIsAudited: who put a version in force alone, and who confirmed it, is apart in the audit trail; what is
// confirmed changes nothing that decides.
func TestBreakGlassIsAudited(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	must(s.CreatePolicy(ctx, placement.PolicyRecord{ID: "p-1"}, tester))(t)
	transfer(t, s, "p-1", "1", "x")
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	broken := must(s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
		p.Activated, p.BreakGlass = true, &placement.BreakGlass{By: tester, Reason: "urgent", At: at, Until: at.Add(time.Hour)}
		p.Overrides = []string{"rule R-AGE on h06"}
		return p, nil
	}, nil))(t)
	if stored := must(s.GetPolicy(ctx, "p-1"))(t); !cmp.Equal(stored, broken) || stored.BreakGlass.Until != at.Add(time.Hour) || stored.Author("1") != tester {
		t.Errorf("stored %+v", stored)
	}
	epoch := must(s.Epoch(ctx))(t)
	must(s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
		p.BreakGlass = nil
		return p, nil
	}, nil))(t)
	if got := must(s.Epoch(ctx))(t); got != epoch {
		t.Errorf("a confirmation moved the epoch from %d to %d", epoch, got)
	}
	for action, n := range map[string]int{"ACTIVATE": 1, "BREAK_GLASS": 1, "CONFIRM_BREAK_GLASS": 1, "OVERRIDE": 1, "UPDATE_POLICY": 0} {
		if got := acts(t, s, action, "p-1"); got != n {
			t.Errorf("%d records of %s, want %d", got, action, n)
		}
	}
}

// TestActivationWaitsForDecisions holds the epoch as a decision does: an activation must wait for its end.
func TestActivationWaitsForDecisions(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	must(s.CreatePolicy(ctx, placement.PolicyRecord{ID: "p-1"}, tester))(t)
	transfer(t, s, "p-1", "1", "x")
	deciding := begin(t, s)
	if err := lockEpoch(ctx, deciding); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
			p.SelectedVersion, p.Activated = "1", true
			return p, nil
		}, nil)
		done <- err
	}()
	eventually(t, func() bool {
		var waiting int
		if err := deciding.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		return waiting == 1
	})
	if epoch := must(readEpoch(ctx, deciding))(t); epoch != 1 {
		t.Errorf("the epoch became %d under a decision", epoch)
	}
	if err := deciding.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if epoch := must(s.Epoch(ctx))(t); epoch != 2 {
		t.Errorf("epoch %d after the activation", epoch)
	}
}
