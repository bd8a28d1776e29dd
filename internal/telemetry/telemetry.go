// Package telemetry is logs, traces and metrics of a process: the only package that knows the OpenTelemetry
// SDK. What is measured is named here; when, is the callers' business.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Telemetry is the instruments of one process.
type Telemetry struct {
	registry  *prometheus.Registry
	traces    *sdktrace.TracerProvider
	meters    *sdkmetric.MeterProvider
	tracer    trace.Tracer
	decisions metric.Int64Counter
	decided   metric.Float64Histogram
	solved    metric.Float64Histogram
	committed metric.Float64Histogram
	retries   metric.Int64Counter
	ended     metric.Int64Counter
	evicted   metric.Int64Counter
	refused   metric.Int64Counter
	standing  atomic.Pointer[standing]
	conflicts atomic.Pointer[[2]int] // contradictions in force, and trust domains without a host
}

// Gauges are read when metrics are scraped.
type Gauges struct {
	ViewAge     func() time.Duration
	FeedLag     func() time.Duration
	Hosts       func() int
	Residencies func() int
	Epoch       func() int64
	Pool        func() (acquired, total, limit int32)
	// Notifications are those on their way, those given up, and the subscriptions that are suspended.
	Notifications func() (pending, dead, suspended int64)
}

// NewLogger returns a structured logger. level is debug, info, warn or error; format json or text.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	opts := &slog.HandlerOptions{Level: l}
	switch format {
	case "json":
		return slog.New(traced{slog.NewJSONHandler(w, opts)}), nil
	case "text":
		return slog.New(traced{slog.NewTextHandler(w, opts)}), nil
	}
	return nil, fmt.Errorf("log format %q: use json or text", format)
}

// traced adds the trace id of the context to every line.
type traced struct{ slog.Handler }

// Handle writes the record.
func (t traced) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("traceId", sc.TraceID().String()))
	}
	return t.Handler.Handle(ctx, r) //nolint:wrapcheck // the handler's own error
}

// WithAttrs keeps the wrapper.
func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{t.Handler.WithAttrs(attrs)} }

// WithGroup keeps the wrapper.
func (t traced) WithGroup(name string) slog.Handler { return traced{t.Handler.WithGroup(name)} }

// Start makes the instruments. Traces go where the OTEL_* variables say, nowhere when they say nothing.
func Start(ctx context.Context, version string, getenv func(string) string) (*Telemetry, error) {
	res, err := resource.New(ctx, resource.WithFromEnv(), resource.WithAttributes(
		attribute.String("service.name", "ringfence"), attribute.String("service.version", version)))
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	t := &Telemetry{registry: prometheus.NewRegistry()}
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if t.traces, err = newTraces(ctx, res, getenv); err != nil {
		return nil, err
	}
	exporter, err := otelprom.New(otelprom.WithRegisterer(t.registry))
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	t.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(res))
	t.tracer = t.traces.Tracer("ringfence")
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	return t, t.instruments()
}

func newTraces(ctx context.Context, res *resource.Resource, getenv func(string) string) (*sdktrace.TracerProvider, error) {
	if getenv("OTEL_TRACES_EXPORTER") == "" && getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithSampler(sdktrace.NeverSample())), nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(exporter)), nil
}

// seconds are the bounds of the histograms, from a tenth of a millisecond to ten seconds.
func seconds() metric.Float64HistogramOption {
	return metric.WithExplicitBucketBoundaries(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
}

func (t *Telemetry) instruments() error {
	m := t.meters.Meter("ringfence")
	var errs [9]error
	t.decisions, errs[0] = m.Int64Counter("ringfence_decisions", metric.WithDescription("Decisions by kind and outcome."))
	t.decided, errs[1] = m.Float64Histogram("ringfence_decision_duration", metric.WithUnit("s"), seconds(), metric.WithDescription("Time from the question to the durable answer."))
	t.solved, errs[2] = m.Float64Histogram("ringfence_solve_duration", metric.WithUnit("s"), seconds(), metric.WithDescription("Time of the solver."))
	t.committed, errs[3] = m.Float64Histogram("ringfence_commit_duration", metric.WithUnit("s"), seconds(), metric.WithDescription("Time of the commit protocol."))
	t.retries, errs[4] = m.Int64Counter("ringfence_redecisions", metric.WithDescription("Plans that no longer fitted under lock and were decided again."))
	t.ended, errs[5] = m.Int64Counter("ringfence_violations_ended", metric.WithDescription("Violations that have ended, by the enforcement of their rules."))
	t.refused, errs[8] = m.Int64Counter("ringfence_access_refusals", metric.WithDescription("Callers who were not authenticated or not allowed what they asked for."))
	t.evicted, errs[6] = m.Int64Counter("ringfence_evictions", metric.WithDescription("Residencies that their hosts were told to release by a rule that evicts."))
	errs[7] = errors.Join(t.violations(m), t.policyConflicts(m))
	return errors.Join(errs[:]...)
}

// Observe registers what is read when metrics are scraped.
func (t *Telemetry) Observe(g Gauges) error {
	m := t.meters.Meter("ringfence")
	gauge := func(name, help string, read func() float64) error {
		_, err := m.Float64ObservableGauge(name, metric.WithDescription(help), metric.WithFloat64Callback(
			func(_ context.Context, o metric.Float64Observer) error { o.Observe(read()); return nil }))
		return err
	}
	return errors.Join(
		gauge("ringfence_view_age_seconds", "How long ago the change feed was last read.", func() float64 { return g.ViewAge().Seconds() }),
		gauge("ringfence_feed_lag_seconds", "For how long the view has not had everything that the change feed has.", func() float64 { return g.FeedLag().Seconds() }),
		gauge("ringfence_hosts", "Hosts in the view.", func() float64 { return float64(g.Hosts()) }),
		gauge("ringfence_residencies", "Residencies in the view.", func() float64 { return float64(g.Residencies()) }),
		gauge("ringfence_policy_epoch", "Policy epoch of the view.", func() float64 { return float64(g.Epoch()) }),
		gauge("ringfence_notifications_pending", "Notifications on their way to subscribers.", func() float64 { n, _, _ := g.Notifications(); return float64(n) }),
		gauge("ringfence_notifications_dead", "Notifications given up, while they are kept.", func() float64 { _, n, _ := g.Notifications(); return float64(n) }),
		gauge("ringfence_subscriptions_suspended", "Subscriptions to which nothing is delivered, because they failed for too long.",
			func() float64 { _, _, n := g.Notifications(); return float64(n) }),
		gauge("ringfence_database_connections_acquired", "Connections in use.", func() float64 { a, _, _ := g.Pool(); return float64(a) }),
		gauge("ringfence_database_connections_limit", "Connections at most.", func() float64 { _, _, l := g.Pool(); return float64(l) }),
	)
}

// Handler wraps an HTTP handler in spans and request metrics.
func (t *Telemetry) Handler(next http.Handler) http.Handler {
	return otelhttp.NewHandler(next, "http", otelhttp.WithTracerProvider(t.traces), otelhttp.WithMeterProvider(t.meters))
}

// Metrics serves the metrics for Prometheus.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry})
}

// TracerProvider is for libraries that make spans themselves.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.traces }

// Stop sends what is left.
func (t *Telemetry) Stop(ctx context.Context) error {
	return errors.Join(t.traces.Shutdown(ctx), t.meters.Shutdown(ctx))
}

// Solved records the time of a solve, with a span of the same length.
func (t *Telemetry) Solved(ctx context.Context, took time.Duration) {
	t.solved.Record(ctx, took.Seconds())
	t.span(ctx, "solve", took)
}

// Committed records a run of the commit protocol.
func (t *Telemetry) Committed(ctx context.Context, took time.Duration, stale bool) {
	t.committed.Record(ctx, took.Seconds())
	if stale {
		t.retries.Add(ctx, 1)
	}
	t.span(ctx, "commit", took)
}

// Decided records how a decision ended.
func (t *Telemetry) Decided(ctx context.Context, kind, outcome string, took time.Duration) {
	attrs := metric.WithAttributes(attribute.String("kind", kind), attribute.String("outcome", outcome))
	t.decisions.Add(ctx, 1, attrs)
	t.decided.Record(ctx, took.Seconds(), attrs)
}

func (t *Telemetry) span(ctx context.Context, name string, took time.Duration) {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	end := time.Now()
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(end.Add(-took)))
	span.End(trace.WithTimestamp(end))
}
