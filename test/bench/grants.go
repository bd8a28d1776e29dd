package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"ringfence/test/bench/synthetic"
)

// The parts of the fleet's room that are used: to warm up, for B4 and for B5.
const (
	warmShare = 0.1
	peakShare = 0.6
)

// The targets of B4 and B5, stated for targetHosts.
const (
	targetHosts   = 10_000
	targetRate    = 1000
	targetCPU     = 600 * time.Microsecond
	targetCommits = 1
	targetP50     = 3 * time.Millisecond
	targetP99     = 25 * time.Millisecond
)

// grants measures B4 and B5 on one service: as many grants as 32 clients get, then half of that rate.
func grants(ctx context.Context, program string, hosts int, o *options) (results []result, err error) {
	made := synthetic.New(synthetic.Options{Seed: seed, Hosts: hosts, Residents: 10, Occupied: 0.5, Now: time.Now().UTC()})
	err = withService(ctx, program, func(_ string, s *service) error {
		if _, err := s.load(ctx, made); err != nil {
			return err
		}
		db, err := s.openDatabase(ctx, clients)
		if err != nil {
			return err
		}
		defer db.Close()
		if err := tidy(ctx, db); err != nil {
			return err
		}
		l := newLoad(s, made)
		if _, err := l.run(ctx, int(warmShare*float64(l.left())), o.duration, pace{}); err != nil {
			return fmt.Errorf("warming up: %w", err)
		}
		profiled := s.profile(ctx, o.profile)
		peak, err := measurePeak(ctx, s, db, l, o.duration)
		if err != nil {
			return fmt.Errorf("B4: %w", err)
		}
		if err := <-profiled; err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		half, err := measureHalf(ctx, l, o.duration, *peak.RatePerS/2)
		if err != nil {
			return fmt.Errorf("B5: %w", err)
		}
		results = []result{peak, half}
		return nil
	})
	return results, err
}

// reading is what the parts of a service counted up to a moment.
type reading struct {
	database counters
	service  metrics
	used     usage
	knows    bool // what was used
}

func read(ctx context.Context, s *service, db *pgxpool.Pool) (r reading, err error) {
	if r.database, err = readCounters(ctx, db); err != nil {
		return r, err
	}
	if r.service, err = s.metrics(ctx); err != nil {
		return r, err
	}
	r.used, r.knows = s.usage()
	return r, nil
}

// measurePeak measures B4, then the floor on the same database.
func measurePeak(ctx context.Context, s *service, db *pgxpool.Pool, l *load, duration time.Duration) (result, error) {
	before, err := read(ctx, s, db)
	if err != nil {
		return result{}, err
	}
	t, err := l.run(ctx, int(peakShare*float64(l.end)), duration, pace{})
	if err != nil {
		return result{}, err
	}
	after, err := read(ctx, s, db)
	if err != nil {
		return result{}, err
	}
	if err := t.mostlyGranted(); err != nil {
		return result{}, err
	}
	rows := after.database.since(before.database).inserted / float64(len(t.granted))
	ground, err := bareInserts(ctx, db, int(rows+0.5), duration/3)
	if err != nil {
		return result{}, fmt.Errorf("floor: %w", err)
	}
	return peakResult(l.made.Hosts, &t, before, after, ground), nil
}

func peakResult(hosts int, t *tally, before, after reading, ground bare) result {
	n := float64(len(t.granted))
	rate, counted := n/t.took.Seconds(), after.database.since(before.database)
	r := result{
		ID: "B4", Hosts: hosts, P50Ms: ms(t.granted.quantile(0.5)), P99Ms: ms(t.granted.quantile(0.99)), RatePerS: &rate,
		Target:       "rate >= 1000 /s, CPU <= 0.6 ms, < 1 commit a grant at 10k hosts",
		RatioToFloor: new(ground.rate / rate),
		Details: append(t.details(),
			detail{"re-decisions per grant", (after.service["ringfence_redecisions_total"] - before.service["ringfence_redecisions_total"]) / n, ""},
			detail{"mean solve", after.service.mean(before.service, "ringfence_solve_duration_seconds"), "ms"},
			detail{"mean commit", after.service.mean(before.service, "ringfence_commit_duration_seconds"), "ms"},
			detail{"database commits per grant", counted.commits / n, ""}, detail{"rows inserted per grant", counted.inserted / n, ""},
			detail{"rows updated per grant", counted.updated / n, ""}, detail{"WAL per grant", counted.wal / n / 1024, "KiB"},
			detail{"floor", ground.rate, "commits/s"}, detail{"floor p50", *ms(ground.p50), "ms"}),
	}
	met := rate >= targetRate && counted.commits/n < targetCommits
	if after.knows {
		used := after.used.since(before.used)
		own := float64(used.ringfence) / n
		r.Details = append(r.Details, detail{"CPU per grant", own / float64(time.Millisecond), "ms"},
			detail{"database's CPU per grant", float64(used.database) / n / float64(time.Millisecond), "ms"})
		met = met && own <= float64(targetCPU)
	}
	if hosts == targetHosts {
		r.Met = &met
	}
	return r
}

// details are how the requests were answered.
func (t *tally) details() []detail {
	out := []detail{{"grants", float64(len(t.granted)), ""}}
	for _, status := range slices.Sorted(maps.Keys(t.others)) {
		out = append(out, detail{"answers " + strconv.Itoa(status), float64(t.others[status]), ""})
	}
	return out
}

// mostlyGranted says whether a run was one of grants; a refusal here and there is a host that filled up.
func (t *tally) mostlyGranted() error {
	if len(t.granted) == 0 || float64(t.requests-len(t.granted)) > 0.02*float64(t.requests) {
		return fmt.Errorf("%d of %d requests were granted; others by status: %v, such as %s", len(t.granted), t.requests, t.others, t.example)
	}
	return nil
}

// measureHalf measures B5: requests are due at fixed times, at half of the highest rate.
func measureHalf(ctx context.Context, l *load, duration time.Duration, rate float64) (result, error) {
	count := min(int(rate*duration.Seconds()), l.left())
	every := time.Duration(float64(time.Second) / rate)
	t, err := l.run(ctx, count, duration+patience, pace{start: time.Now().Add(10 * time.Millisecond), every: every})
	if err != nil {
		return result{}, err
	}
	if err := t.mostlyGranted(); err != nil {
		return result{}, err
	}
	achieved := float64(len(t.granted)) / t.took.Seconds()
	r := result{
		ID: "B5", Hosts: l.made.Hosts, P50Ms: ms(t.granted.quantile(0.5)), P99Ms: ms(t.granted.quantile(0.99)), RatePerS: &achieved,
		Target:  "p50 <= 3 ms, p99 <= 25 ms at 10k hosts and half of B4's rate",
		Details: append(t.details(), detail{"offered", rate, "/s"}),
	}
	if l.made.Hosts == targetHosts {
		r.Met = new(t.granted.quantile(0.5) <= targetP50 && t.granted.quantile(0.99) <= targetP99)
	}
	return r, nil
}
