package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// policyConflicts registers the gauges of what the policies in force come to under the inventory as it is. Every replica has them.
func (t *Telemetry) policyConflicts(m metric.Meter) error {
	gauge := func(name, what string, k int) error {
		_, err := m.Int64ObservableGauge(name, metric.WithDescription(what), metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if n := t.conflicts.Load(); n != nil {
				o.Observe(int64(n[k]))
			}
			return nil
		}))
		return err
	}
	return errors.Join(
		gauge("ringfence_policy_contradictions", "Contradictions of rules in force, whatever hosts there were.", 0),
		gauge("ringfence_trust_domains_without_host", "Trust domains for which the inventory has no host.", 1),
	)
}

// PolicyConflicts sets how many contradictions there are in the policies in force, and how many trust domains have no host.
func (t *Telemetry) PolicyConflicts(contradictions, homeless int) {
	t.conflicts.Store(&[2]int{contradictions, homeless})
}
