package scenario

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"ringfence/test/stub"
)

// TestReplayFindsDifferences changes what is recorded of a decision, past ringfence, and expects the replay to say where.
// That every scenario's decisions replay without a difference means something only because of this.
func TestReplayFindsDifferences(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	g := d.granted(vnfm, instantiate(vnfm, "upf", "upf-2", "pfe", "r0"))
	id := g.AdditionalParams.Ringfence.DecisionID
	var r replay
	d.do("AUDITOR", http.MethodPost, "/placement/v1/decisions/"+id+"/replay", nil, &r)
	if !r.Identical || r.Decision.ID != id || len(r.Decision.Placements) != 1 {
		t.Fatalf("the replay says %+v", r)
	}
	d.tamper(id, "h02", "h01")
	d.do("AUDITOR", http.MethodPost, "/placement/v1/decisions/"+id+"/replay", nil, &r)
	if r.Identical || len(r.Differences) == 0 || r.Differences[0].Pointer != "/placements/0/hostId" ||
		r.Differences[0].Recorded != `"h01"` || r.Differences[0].Replayed != `"h02"` {
		t.Errorf("the replay says %+v", r)
	}
	d.tamper(id, "h01", "h02") // the scenario's end replays everything
}

// tamper replaces a host in the recorded plan of a decision, as somebody with the database's owner role could.
func (d *deployment) tamper(decisionID, from, to string) {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), d.ownerURL)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(contextAfter(d.t))
	const tamperSQL = `UPDATE decision SET plan = replace(plan::text, $2, $3)::json WHERE id = $1`
	tag, err := conn.Exec(d.t.Context(), tamperSQL, decisionID, `"`+from+`"`, `"`+to+`"`)
	if err != nil || tag.RowsAffected() != 1 {
		d.t.Fatalf("tamper: %v, %v", tag, err)
	}
}
