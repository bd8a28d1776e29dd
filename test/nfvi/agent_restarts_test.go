package nfvi

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/agent"
	"ringfence/test/stub"
)

// TestRestartsInAnyOrder kills the agent, ringfence and containerd at random moments while grants come and go: in the end no
// directive is lost or doubled, and the host, its journal and the database say the same. RINGFENCE_TEST_LONG=1 makes it 200
// restarts; RINGFENCE_TEST_SEED repeats the order of a run.
func TestRestartsInAnyOrder(t *testing.T) { onEveryContainerd(t, testRestartsInAnyOrder) }

func testRestartsInAnyOrder(t *testing.T, n *node) {
	marks := map[string]string{}
	images := map[string]pushed{}
	layers := map[string]plainLayer{}
	for _, domain := range []string{domainEncrypted, domainNoStore, domainShared} {
		marks[domain], layers[domain] = marked(t, map[string]string{"pause": n.program})
		images[domain] = pushImage(t, n, "restarts-"+map[string]string{domainEncrypted: "e", domainNoStore: "n", domainShared: "s"}[domain], "1", layers[domain])
	}
	r := restarts{site: startSite(t, n, images), images: images, random: seeded(t), killed: map[string]int{}}
	rounds := 20
	if os.Getenv("RINGFENCE_TEST_LONG") == "1" {
		rounds = 200
	}
	began := time.Now()
	for round := range rounds {
		r.round(round)
	}
	r.settled(2 * time.Minute)
	r.compare()
	for len(r.running) > 0 {
		r.endOldest()
	}
	for domain, image := range images {
		if domain != domainShared {
			r.lies(image, "", time.Minute)
		}
	}
	r.settled(2 * time.Minute)
	r.compare()
	for _, domain := range []string{domainEncrypted, domainNoStore} {
		r.leavesNothing(images[domain], marks[domain], layers[domain])
	}
	t.Logf("%d restarts (%v) in %s, %d grants, %d directives, each entered and answered once", rounds, r.killed, time.Since(began).Round(time.Second), r.grants, r.lastSeq())
}

// seeded is randomness that a run can be repeated with.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("RINGFENCE_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("RINGFENCE_TEST_SEED: %v", err)
		}
	}
	t.Logf("RINGFENCE_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// restarts are what goes on while processes are killed.
type restarts struct {
	*site
	images  map[string]pushed
	random  *rand.Rand
	running []livePod // oldest first
	grants  int
	killed  map[string]int
}

// livePod is a workload that runs by a grant.
type livePod struct {
	domain, instance, residency string
	pod                         *runningPod
}

// round has a VNFM ask for a grant while a process is killed and started again, and runs what was granted. Once there are
// three workloads the oldest goes.
func (r *restarts) round(round int) {
	r.t.Helper()
	domain := []string{domainEncrypted, domainNoStore, domainShared}[r.random.IntN(3)]
	instance := fmt.Sprintf("vnf-%d", round)
	type answer struct {
		grant *stub.Grant
		err   error
	}
	answers := make(chan answer, 1)
	vnfm := &stub.VNFM{Client: r.api(), Dialect: stub.SOL003Containers} // it repeats what is not answered
	request := vnfm.NewRequest("INSTANTIATE", domain, instance)
	request.AddResources = []stub.ResourceDefinition{vnfm.Resource("pod", "c")}
	go func() {
		g, err := vnfm.Ask(r.t.Context(), request)
		answers <- answer{g, err}
	}()
	<-time.After(time.Duration(r.random.IntN(60)) * time.Millisecond) // the moment is what the test varies
	r.restart()
	a := <-answers
	if a.err != nil {
		r.t.Fatalf("round %d: %v", round, a.err)
	}
	r.grants++
	residency := a.grant.AddResources[0].ReservationID
	pod, err := r.startPod(fmt.Sprintf("pod-%d", round), r.at(r.images[domain]), map[string]string{"ringfence.io/residency-id": residency})
	if err != nil {
		r.t.Fatalf("round %d: %v", round, err)
	}
	r.running = append(r.running, livePod{domain, instance, residency, pod})
	if len(r.running) > 3 {
		r.endOldest()
	}
}

// restart ends a process as a power failure does, and starts it where it was.
func (r *restarts) restart() {
	r.t.Helper()
	switch who := r.random.IntN(5); who {
	case 0, 1:
		r.killed["ringfence"]++
		if err := r.ringfence.Kill(); err != nil {
			r.t.Fatal(err)
		}
		r.startRingfence()
	case 2:
		r.killed["containerd"]++
		r.restartContainerd()
	default:
		r.killed["agent"]++
		r.agent.kill()
		r.startAgent()
	}
}

// endOldest ends the life of the oldest instance, as its VNFM and its kubelet do.
func (r *restarts) endOldest() {
	r.t.Helper()
	oldest := r.running[0]
	r.running = r.running[1:]
	r.terminated(oldest.domain, oldest.instance)
	oldest.pod.remove()
}

// lastSeq is the number of the host's newest directive.
func (r *restarts) lastSeq() (last int64) {
	r.t.Helper()
	if err := r.pool.QueryRow(r.t.Context(), `SELECT max(seq) FROM directive WHERE host_id = $1`, r.host).Scan(&last); err != nil {
		r.t.Fatal(err)
	}
	return last
}

// compare holds the journal of the agent, what it wrote in its logs, and the database against each other.
func (r *restarts) compare() {
	r.t.Helper()
	last := r.lastSeq()
	var count, distinct, unanswered int64
	const query = `SELECT count(*), count(DISTINCT seq), count(*) FILTER (WHERE coalesce(ack_outcome, 'FAILED') = 'FAILED') FROM directive WHERE host_id = $1`
	if err := r.pool.QueryRow(r.t.Context(), query, r.host).Scan(&count, &distinct, &unanswered); err != nil {
		r.t.Fatal(err)
	}
	if count != last || distinct != last || unanswered > 0 {
		r.t.Errorf("there are %d directives with %d numbers up to %d, and %d of them are not dealt with", count, distinct, last, unanswered)
	}
	var journal agent.Journal
	content, err := os.ReadFile(filepath.Join(r.folder, "agent", "journal.json"))
	if err == nil {
		err = json.Unmarshal(content, &journal)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	if journal.Seq != last || len(journal.Open) > 0 {
		r.t.Errorf("the feed has come to %d, the journal to %d with %d open", last, journal.Seq, len(journal.Open))
	}
	var mayRun []string
	for _, g := range r.running {
		mayRun = append(mayRun, g.residency)
	}
	slices.Sort(mayRun)
	if got := slices.Sorted(maps.Keys(journal.Places)); !slices.Equal(got, mayRun) {
		r.t.Errorf("by the journal %v may run, and granted are %v", got, mayRun)
	}
	if got := r.stands(); !slices.Equal(got, mayRun) {
		r.t.Errorf("by the database %v run, and granted are %v", got, mayRun)
	}
	r.enteredOnce(last)
}

// stands are the residencies that run, by the database.
func (r *restarts) stands() []string {
	r.t.Helper()
	rows, err := r.pool.Query(r.t.Context(), `SELECT id FROM residency WHERE host_id = $1 AND state = 'RUNNING' ORDER BY id`, r.host)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			r.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

var entered = regexp.MustCompile(`msg=directive seq=(\d+) `)

// enteredOnce checks by the logs of all the agents that lived that none of them took in a directive that another had. One line
// for each time that an agent was killed may be missing: it is written after the journal.
func (r *restarts) enteredOnce(last int64) {
	r.t.Helper()
	times := map[string]int{}
	for _, log := range r.agentLogs {
		content, err := os.ReadFile(log)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, match := range entered.FindAllSubmatch(content, -1) {
			times[string(match[1])]++
		}
	}
	for seq, n := range times {
		if n > 1 {
			r.t.Errorf("directive %s was taken in %d times", seq, n)
		}
	}
	if missing := last - int64(len(times)); missing > int64(r.killed["agent"]) {
		r.t.Errorf("%d of %d directives were never taken in", missing, last)
	}
}
