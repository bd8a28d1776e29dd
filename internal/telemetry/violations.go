package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// standing is what was last found to violate rules.
type standing struct {
	open    map[string]map[string]int // by rule and enforcement
	pending int
}

// violations registers the gauges of what stands. Of several replicas the one that checks has them.
func (t *Telemetry) violations(m metric.Meter) error {
	_, err := m.Int64ObservableGauge("ringfence_violations_open", metric.WithDescription("Violations that stand, of the rules with most of them."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if s := t.standing.Load(); s != nil {
				for rule, by := range s.open {
					for enforcement, n := range by {
						o.Observe(int64(n), metric.WithAttributes(attribute.String("rule", rule), attribute.String("enforcement", enforcement)))
					}
				}
			}
			return nil
		}))
	_, errPending := m.Int64ObservableGauge("ringfence_evictions_pending", metric.WithDescription("Violations whose residencies wait for their eviction."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if s := t.standing.Load(); s != nil {
				o.Observe(int64(s.pending))
			}
			return nil
		}))
	return errors.Join(err, errPending)
}

// Violations sets what stands, by rule and enforcement; nil from a process that does not check.
func (t *Telemetry) Violations(open map[string]map[string]int, pending int) {
	if open == nil {
		t.standing.Store(nil)
		return
	}
	t.standing.Store(&standing{open, pending})
}

// ViolationsEnded counts violations that have ended.
func (t *Telemetry) ViolationsEnded(enforcement string, n int) {
	t.ended.Add(context.Background(), int64(n), metric.WithAttributes(attribute.String("enforcement", enforcement)))
}

// Evicted counts residencies that their hosts were told to release.
func (t *Telemetry) Evicted(n int) { t.evicted.Add(context.Background(), int64(n)) }

// AccessRefused counts callers who were refused. kind is of a closed vocabulary.
func (t *Telemetry) AccessRefused(kind string, n int64) {
	t.refused.Add(context.Background(), n, metric.WithAttributes(attribute.String("kind", kind)))
}
