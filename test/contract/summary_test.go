package contract

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
)

// tally counts requests that were taken and how many of these are to the letter of the specification, answers that were held to it,
// and how many of these do not fit.
type tally struct{ requests, valid, answers, failed int }

// results are the tallies of a run, by specification and client.
type results struct {
	mu   sync.Mutex
	rows map[[2]string]tally
}

// summary is that of this run.
var summary = results{rows: map[[2]string]tally{}}

func (r *results) add(spec, client string, t tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := [2]string{spec, client}
	sum := r.rows[key]
	r.rows[key] = tally{sum.requests + t.requests, sum.valid + t.valid, sum.answers + t.answers, sum.failed + t.failed}
}

// write prints the table.
func (r *results) write(out io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([][2]string, 0, len(r.rows))
	for key := range r.rows {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "SPECIFICATION\tCLIENT\tREQUESTS TAKEN\tTO THE LETTER\tANSWERS VALIDATED\tFAILED")
	var sum tally
	for _, key := range keys {
		t := r.rows[key]
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\n", key[0], key[1], t.requests, t.valid, t.answers, t.failed)
		sum = tally{sum.requests + t.requests, sum.valid + t.valid, sum.answers + t.answers, sum.failed + t.failed}
	}
	_, _ = fmt.Fprintf(w, "all\t\t%d\t%d\t%d\t%d\n", sum.requests, sum.valid, sum.answers, sum.failed)
	if len(keys) == 0 {
		_, _ = fmt.Fprintln(w, "NOT VALIDATED: the definitions of ETSI are not here; set RINGFENCE_SHARED to a folder that has them below data/sol")
	}
	return w.Flush()
}
