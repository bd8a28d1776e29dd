package stub

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
)

// LCM is the side of a VNFM that the links of its requests lead to. It counts who follows them: ringfence must not, since
// whoever writes a link would choose whom ringfence talks to.
type LCM struct{ calls atomic.Int64 }

// Calls is how often a link was followed.
func (l *LCM) Calls() int64 { return l.calls.Load() }

// ServeHTTP answers for every VNF instance and every operation occurrence.
func (l *LCM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.calls.Add(1)
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	w.Header().Set("Content-Type", TypeJSON)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "instantiationState": "NOT_INSTANTIATED", "operationState": "STARTING"})
}
