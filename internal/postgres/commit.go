package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

// The reasons for which the store itself finds a plan stale. No caller of ours shows them to clients.
const (
	staleEpoch     = "STALE-EPOCH"     // the policy epoch moved
	staleHost      = "STALE-HOST"      // a host is gone, out of service, full, dedicated, or its attestation too old
	staleClaim     = "STALE-CLAIM"     // a scope is claimed for another member
	staleOwner     = "STALE-OWNER"     // the VNF instance became another client's
	staleSupersede = "STALE-SUPERSEDE" // what was to be superseded has changed
)

// grantTx is the transaction of a decision. Nothing in it waits long for a lock. Everything that it reads is found by a
// key, or is a handful of rows: its statements are planned once per connection, and never to scan a table, which is what
// a plan that is made and kept while the table is small would do for ever.
var grantTx = pgx.TxOptions{
	IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite,
	BeginQuery: `
		BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
		SET LOCAL lock_timeout = '2s';
		SET LOCAL enable_seqscan = off;
		SET LOCAL plan_cache_mode = force_generic_plan;
		SET LOCAL jit = off`,
}

// errNotCommitted makes inTx roll back a transaction whose outcome is not an error.
var errNotCommitted = errors.New("rolled back on purpose")

// Commit writes a grant with everything that follows from it, or tells why not. It locks in the fixed order, reads the
// facts under the locks in a statement after them, and has verify judge them: verify must be pure, it may run more than
// once. An error of kind Unavailable may mean that the grant is committed; asking again tells.
func (s *Store) Commit(ctx context.Context, c placement.Commit, verify placement.Verify) (placement.CommitResult, error) {
	if c.Decision.Plan == nil {
		return placement.CommitResult{}, placement.Errorf(placement.Internal, "decision %q has no plan to commit", c.Decision.ID)
	}
	ended, err := s.hostsOfResidencies(ctx, slices.Concat(c.Supersedes, c.Decision.Plan.Releases))
	if err != nil {
		return placement.CommitResult{}, err
	}
	var res placement.CommitResult
	err = s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		res, err = commitOnce(ctx, tx, newCommitTx(&c, ended), verify)
		if err == nil && res.Status != placement.CommitDone {
			err = errNotCommitted
		}
		return err
	})
	switch {
	case err == nil:
		return res, nil
	case errors.Is(err, errNotCommitted):
		return res, nil
	}
	return placement.CommitResult{}, err
}

// commitTx is one attempt to commit.
type commitTx struct {
	*placement.Commit

	keys       []placement.HostKey // hosts to lock: of the plan, of what is superseded, of what is released
	popID      string              // NFVI-PoP that the decision belongs to
	inserted   bool                // the idempotency row is new
	earlier    idempotencyRow      // otherwise: the row as it was
	epoch      int64
	now        time.Time
	hosts      []*lockedHost // ascending by key
	overheads  map[string]placement.Resources
	siblings   []placement.Sibling
	standing   []placement.Sibling
	existing   []placement.ExistingResource
	together   []*placement.Residency
	released   []*placement.Residency // as they will be: TERMINATING
	superseded []*placement.Residency // as they were
}

func newCommitTx(c *placement.Commit, ended []placement.HostKey) *commitTx {
	t := &commitTx{Commit: c, popID: noPoP, keys: c.Decision.Plan.Hosts()}
	t.keys = placement.SortHostKeys(append(t.keys, ended...))
	if placements := c.Decision.Plan.Placements; len(placements) > 0 {
		t.popID = placements[0].NFVIPoPID
	}
	return t
}

// commitOnce runs the protocol inside of a transaction.
func commitOnce(ctx context.Context, tx pgx.Tx, t *commitTx, verify placement.Verify) (placement.CommitResult, error) {
	if err := t.lockAndRead(ctx, tx); err != nil {
		return placement.CommitResult{}, err
	}
	if t.epoch != t.Decision.Inputs.PolicyEpoch {
		return stale(staleEpoch, ""), nil
	}
	if !t.inserted {
		status, err := t.judgeEarlier(ctx, tx)
		if err != nil || status != placement.CommitDone {
			return placement.CommitResult{Status: status}, err
		}
	}
	facts, reason := t.facts()
	if reason != nil {
		return placement.CommitResult{Status: placement.CommitStale, Reasons: []placement.Reason{*reason}}, nil
	}
	if reasons := verify(facts); len(reasons) > 0 {
		return placement.CommitResult{Status: placement.CommitStale, Reasons: reasons}, nil
	}
	return t.write(ctx, tx)
}

// judgeEarlier decides what the earlier answer under the same key means for this commit: CommitDone goes on.
func (t *commitTx) judgeEarlier(ctx context.Context, tx pgx.Tx) (placement.CommitStatus, error) {
	standing, unconfirmed, err := standingOf(ctx, tx, &t.earlier)
	if err != nil {
		return placement.CommitUnknown, err
	}
	sameBody := t.earlier.sameBody(t.Key)
	covered := !slices.ContainsFunc(unconfirmed, func(id string) bool { return !slices.Contains(t.Supersedes, id) })
	switch {
	case standing && t.earlier.granted(t.Key):
		return placement.CommitAnswered, nil
	case covered:
		return placement.CommitDone, nil
	case sameBody:
		return placement.CommitStale, nil
	}
	return placement.CommitAnswered, nil
}

func stale(check, object string) placement.CommitResult {
	return placement.CommitResult{Status: placement.CommitStale, Reasons: []placement.Reason{*staleReason(check, object)}}
}

func staleReason(check, object string) *placement.Reason {
	r := &placement.Reason{RuleID: check, Check: check}
	if object != "" {
		r.Params = map[string]string{"object": object}
	}
	return r
}

// violates tells whether an error is the violation of a constraint.
func violates(err error, constraint string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.ConstraintName == constraint
}
