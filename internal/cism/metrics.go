package cism

import (
	"fmt"
	"io"
	"sync/atomic"
)

// metrics are what the process counts.
type metrics struct {
	admitted, refused, mutated, exempted, failed, observed, filtered, reports, reportsFailed, unmapped atomic.Int64
}

// write writes the metrics in Prometheus' text format.
func (m *metrics) write(w io.Writer, f *feed) {
	standings, quarantined := f.table.size()
	advisory := 0
	if f.table.isAdvisory() {
		advisory = 1
	}
	fresh := 1
	if f.fresh() != nil {
		fresh = 0
	}
	for _, metric := range []struct {
		name, kind, help string
		value            int64
	}{
		{"ringfence_cism_admitted_total", "counter", "Requests that the validating webhook let pass.", m.admitted.Load()},
		{"ringfence_cism_refused_total", "counter", "Requests that the validating webhook refused.", m.refused.Load()},
		{"ringfence_cism_observed_refusals_total", "counter", "Requests that would have been refused if the cluster were not only observed.", m.observed.Load()},
		{"ringfence_cism_mutated_total", "counter", "Pods that got what was granted for them.", m.mutated.Load()},
		{"ringfence_cism_exempted_total", "counter", "Pods that were admitted without a grant: static ones, and those with broken glass.", m.exempted.Load()},
		{"ringfence_cism_unanswered_total", "counter", "Reviews that could not be judged.", m.failed.Load()},
		{"ringfence_cism_filtered_total", "counter", "Questions of the scheduler.", m.filtered.Load()},
		{"ringfence_cism_reports_total", "counter", "Reports of what hosts run.", m.reports.Load()},
		{"ringfence_cism_reports_failed_total", "counter", "Reports that ringfence did not take.", m.reportsFailed.Load()},
		{"ringfence_cism_unmapped_nodes", "gauge", "Nodes that are of no known host.", m.unmapped.Load()},
		{"ringfence_cism_standings", "gauge", "Workloads that may run.", int64(standings)},
		{"ringfence_cism_quarantined_hosts", "gauge", "Hosts on which nothing new may start.", int64(quarantined)},
		{"ringfence_cism_advisory", "gauge", "1 while the cluster is only observed: nothing is refused.", int64(advisory)},
		{"ringfence_cism_fresh", "gauge", "1 while what is granted is known, 0 while nothing new starts.", int64(fresh)},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", metric.name, metric.help, metric.name, metric.kind, metric.name, metric.value)
	}
}
