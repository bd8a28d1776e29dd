package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that a run found out.
type report struct {
	Results []result `json:"results"`
	Ratios  []ratio  `json:"ratios,omitempty"`
	Machine machine  `json:"machine"`
}

// result is one row of the table. A figure that the benchmark does not have is null.
type result struct {
	ID           string   `json:"id"`
	Hosts        int      `json:"hosts"`
	P50Ms        *float64 `json:"p50Ms"`
	P99Ms        *float64 `json:"p99Ms"`
	RatePerS     *float64 `json:"ratePerS"`
	Target       string   `json:"target"`
	Met          *bool    `json:"met"` // null: the target is stated for another size
	RatioToFloor *float64 `json:"ratioToFloor"`
	Details      []detail `json:"details,omitempty"`
}

// detail is a figure beside those that all benchmarks have.
type detail struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// ratio compares the same benchmark at two sizes.
type ratio struct {
	ID     string  `json:"id"`
	Figure string  `json:"figure"`
	Hosts  int     `json:"hosts"`
	Over   int     `json:"over"`
	Value  float64 `json:"value"`
}

// add appends a row, and compares it with the same benchmark at the size before.
func (r *report) add(added ...result) {
	for _, a := range added {
		for i := len(r.Results) - 1; i >= 0; i-- {
			if before := &r.Results[i]; before.ID == a.ID {
				r.compare(before, &a)
				break
			}
		}
		r.Results = append(r.Results, a)
	}
}

func (r *report) compare(before, after *result) {
	for _, figure := range []struct {
		name string
		a, b *float64
	}{{"p50", after.P50Ms, before.P50Ms}, {"p99", after.P99Ms, before.P99Ms}, {"rate", after.RatePerS, before.RatePerS}} {
		if figure.a != nil && figure.b != nil && *figure.b > 0 {
			r.Ratios = append(r.Ratios, ratio{after.ID, figure.name, after.Hosts, before.Hosts, *figure.a / *figure.b})
		}
	}
}

// table is the report as text.
func (r *report) table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "id\thosts\tp50 ms\tp99 ms\trate /s\tmet\tx floor\t  target")
	for i := range r.Results {
		row := &r.Results[i]
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t  %s\n", row.ID, row.Hosts, figure(row.P50Ms), figure(row.P99Ms), figure(row.RatePerS),
			verdict(row.Met), figure(row.RatioToFloor), row.Target)
	}
	_ = w.Flush() // a strings.Builder takes everything
	for i := range r.Results {
		if row := &r.Results[i]; len(row.Details) > 0 {
			_, _ = fmt.Fprintf(&text, "%s, %d hosts: %s\n", row.ID, row.Hosts, sentence(row.Details))
		}
	}
	for _, c := range r.Ratios {
		_, _ = fmt.Fprintf(&text, "%s %s at %d hosts over %d: %.2fx\n", c.ID, c.Figure, c.Hosts, c.Over, c.Value)
	}
	_, _ = fmt.Fprintln(&text, r.Machine)
	return text.String()
}

func sentence(details []detail) string {
	parts := make([]string, len(details))
	for i, d := range details {
		parts[i] = strings.TrimSpace(d.Name + " " + figure(&d.Value) + " " + d.Unit)
	}
	return strings.Join(parts, ", ")
}

// figure prints three digits that mean something.
func figure(v *float64) string {
	switch {
	case v == nil:
		return "-"
	case *v >= 100 || *v == 0:
		return strconv.FormatFloat(*v, 'f', 0, 64)
	case *v >= 10:
		return strconv.FormatFloat(*v, 'f', 1, 64)
	case *v >= 1:
		return strconv.FormatFloat(*v, 'f', 2, 64)
	}
	return strconv.FormatFloat(*v, 'f', 4, 64)
}

func verdict(met *bool) string {
	switch {
	case met == nil:
		return "-"
	case *met:
		return "yes"
	}
	return "no"
}

// write leaves the report as a file.
func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func ms(d time.Duration) *float64 {
	v := float64(d) / float64(time.Millisecond)
	return &v
}
