package policies

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// ConflictRecords keep which policies in force contradict each other, so that every replica may look and subscribers hear of it once.
type ConflictRecords interface {
	// RecordPolicyConflicts makes these the conflicts of the policies in force at an epoch, and tells of those that are new. It
	// returns how many are. Conflict when the epoch is another by now.
	RecordPolicyConflicts(ctx context.Context, epoch int64, conflicts []placement.PolicyEvent) (told int, err error)
}

// WatchObserver is told what was found, for the metrics.
type WatchObserver interface {
	// PolicyConflicts tells how many contradictions there are in the policies in force, and how many trust domains have no host.
	PolicyConflicts(contradictions, homeless int)
}

const (
	watchInterval = time.Second      // how often a change is looked for
	watchRest     = 15 * time.Second // at least, between looks for trust domains without a host: hosts change all the time
	watchAll      = time.Minute      // after which they are looked for without any change: attestations age
)

// Watch looks at what the policies in force come to while the inventory changes below them: a trust domain may get other countries, and
// two rules that were agreeable contradict each other then; the last host of a trust domain may go. Nothing is refused because of it,
// and no policy is taken out of force: the rules go on to refuse what they refuse, which is the safe side. It is told.
type Watch struct {
	records  ConflictRecords
	fleet    Fleet
	mapping  time.Duration
	now      func() time.Time
	observer WatchObserver
	log      *slog.Logger

	seen     *fleet.View // whose contradictions were recorded
	counted  *fleet.View // whose trust domains were counted
	at       time.Time   // when that was
	found    []placement.Finding
	homeless []string
}

// NewWatch returns a watch with the settings of the policies.
func NewWatch(records ConflictRecords, f Fleet, settings Settings, observer WatchObserver, log *slog.Logger) *Watch {
	return &Watch{records: records, fleet: f, mapping: settings.HostMappingMaxAge, now: settings.Now, observer: observer, log: log}
}

// Run looks until the context ends. Every replica does: it writes only what no other has written.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "contradictions of the policies in force could not be recorded", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look looks once, if there is something to look at. It is called by one goroutine.
func (w *Watch) Look(ctx context.Context) error {
	v := w.fleet.View()
	var err error
	if w.seen == nil || w.seen.Epoch != v.Epoch {
		err = w.contradictions(ctx, v)
	}
	since := time.Since(w.at)
	if w.counted == nil || w.counted.Epoch != v.Epoch || since >= watchAll || since >= watchRest && w.counted.Position != v.Position {
		w.count(ctx, v)
	}
	w.observer.PolicyConflicts(len(w.found), len(w.homeless))
	return err
}

func (w *Watch) contradictions(ctx context.Context, v *fleet.View) error {
	found, complete := policy.Contradictions(v.Catalogue, v.Policies)
	var inForce []placement.ActivePolicy
	for _, p := range v.Policies.Policies {
		inForce = append(inForce, placement.ActivePolicy{Ref: p.Ref})
	}
	if !complete {
		w.log.WarnContext(ctx, "whether policies in force contradict each other was not looked at to the end", "policyEpoch", v.Epoch)
	}
	told, err := w.records.RecordPolicyConflicts(ctx, v.Epoch, conflicts(inForce, found))
	if placement.KindOf(err) == placement.Conflict && err != nil {
		return nil //nolint:nilerr // the view of the next epoch is on its way
	}
	if err != nil {
		return err
	}
	if len(found) > 0 && !slices.EqualFunc(found, w.found, func(a, b placement.Finding) bool { return a.Message == b.Message }) {
		for i := range found {
			w.log.WarnContext(ctx, "rules in force contradict each other", "policyEpoch", v.Epoch, "policyId", found[i].Rules[0].PolicyID,
				"finding", found[i].Message)
		}
		w.log.WarnContext(ctx, "policies in force contradict themselves or each other", "contradictions", len(found), "toldOf", told)
	}
	w.seen, w.found = v, found
	return nil
}

func (w *Watch) count(ctx context.Context, v *fleet.View) {
	homeless := solver.Homeless(v, w.now(), w.mapping)
	if !slices.Equal(homeless, w.homeless) {
		w.log.WarnContext(ctx, "trust domains for which the inventory has no host now", "trustDomainIds", homeless)
	}
	w.counted, w.at, w.homeless = v, time.Now(), homeless
}
