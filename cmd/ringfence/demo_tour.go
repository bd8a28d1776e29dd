package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	remote "ringfence/api/client"
	"ringfence/api/directives"
	wire "ringfence/api/grant"
	"ringfence/api/inventory"
	"ringfence/deployments/reference"
)

// The grant requests of the tour, files of the reference deployment.
const (
	requestVM      = "requests/instantiate-upf-vm.json"
	requestPod     = "requests/instantiate-amf-pod.json"
	requestRefused = "requests/instantiate-arpf-plain-vm.json"
)

// tour shows the main job on a running service, as its clients see it, and fails when the service does not do it.
type tour struct {
	p     process
	w     io.Writer
	style style
	steps int
	host  string // of the first grant
}

func newTour(p process) *tour {
	return &tour{p: p, w: p.stdout, style: styleOf(p.stdout, p.getenv)}
}

// run takes all steps.
func (t *tour) run(ctx context.Context, address string) error {
	c, err := newClient(func(name string) string {
		if name == "RINGFENCE_URL" {
			return address
		}
		return ""
	})
	if err != nil {
		return err
	}
	if err := t.prepare(ctx, c); err != nil {
		return err
	}
	first, err := t.grant(ctx, c, "A VNFM asks to instantiate a user plane function: a virtual machine with SR-IOV ports", requestVM)
	if err != nil {
		return err
	}
	if _, err := t.grant(ctx, c, "Another asks for an AMF: a pod of two containers", requestPod); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return t.refusal(ctx, c) },
		func() error { return t.again(ctx, c, first) },
		func() error { return t.directives(ctx, c, first) },
		func() error { return t.replay(ctx, c, first) },
		func() error { return t.console(ctx, c) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// prepare loads the fleet and puts the policy in force.
func (t *tour) prepare(ctx context.Context, c *client) error {
	began := time.Now()
	document, err := reference.Files.ReadFile("deployment.yaml")
	if err != nil {
		return fmt.Errorf("reference deployment: %w", err)
	}
	var result inventory.ImportResult
	if _, err := c.do(ctx, call{Method: http.MethodPost, Path: importPath, ContentType: typeYAML, Content: document, Patient: true}, &result); err != nil {
		return fmt.Errorf("import of the reference deployment: %w", err)
	}
	t.done(began, "the reference deployment is loaded: %s", importCounts(result))
	began = time.Now()
	content, err := reference.Files.ReadFile("policy.yaml")
	if err != nil {
		return fmt.Errorf("reference policy: %w", err)
	}
	version, _ := versionOf(content)
	a := application{name: "reference", designer: "ringfence demo", activate: true}
	if _, err := a.apply(ctx, t.p, c, version, content, func(string) {}); err != nil {
		return fmt.Errorf("reference policy: %w", err)
	}
	t.done(began, "its policy is in force: %s, version %s", a.name, version)
	return nil
}

// importCounts says how much was loaded.
func importCounts(result inventory.ImportResult) string {
	names := map[string]string{
		"hosts": "hosts", "trustDomains": "trust domains", "vnfProfiles": "VNF profiles", "residencies": "workloads that run already",
	}
	var parts []string
	for _, list := range []string{"hosts", "trustDomains", "vnfProfiles", "residencies"} {
		n := result.Counts[list]
		parts = append(parts, fmt.Sprintf("%d %s", n.Created+n.Updated+n.Unchanged, names[list]))
	}
	return strings.Join(parts, ", ")
}

// granted is a grant that was asked for, and the bytes that asked for it.
type granted struct {
	request json.RawMessage
	grant   wire.Grant
}

// grant sends a request that must be granted.
func (t *tour) grant(ctx context.Context, c *client, title, file string) (granted, error) {
	t.step(title)
	request, err := t.request(file)
	if err != nil {
		return granted{}, err
	}
	g := granted{request: request}
	began := time.Now()
	got, err := c.ask(ctx, request, &g.grant)
	if err != nil {
		return g, fmt.Errorf("%s was to be granted: %w", file, err)
	}
	if len(g.grant.AdditionalParams.Ringfence.Placements) == 0 {
		return g, fmt.Errorf("%s was granted without a placement", file)
	}
	t.answer(true, "201 Created", time.Since(began))
	return g, t.indented(func(w io.Writer) error { return showGrant(w, &form{value: formTable}, &g.grant, got.Body) })
}

// request reads a grant request of the reference deployment and says what is in it.
func (t *tour) request(file string) (json.RawMessage, error) {
	data, err := reference.Files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reference requests: %w", err)
	}
	var r wire.GrantRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	t.line(t.style.faint("POST " + grantsPath + "   deployments/reference/" + file))
	t.line(fmt.Sprintf("%s, %s", r.Operation, resourceCounts(r.AddResources)))
	return data, nil
}

// resourceCounts says how many resources of each type a request wants.
func resourceCounts(list []wire.ResourceDefinition) string {
	counts := map[wire.ResourceDefinitionType]int{}
	for i := range list {
		counts[list[i].Type]++
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// refusal sends a request that the policy forbids.
func (t *tour) refusal(ctx context.Context, c *client) error {
	t.step("A third asks for what the policy does not allow")
	request, err := t.request(requestRefused)
	if err != nil {
		return err
	}
	began := time.Now()
	_, err = c.ask(ctx, request, &wire.Grant{})
	e := asAPIError(err)
	switch {
	case err == nil:
		return fmt.Errorf("%s was to be refused and was granted", requestRefused)
	case e == nil || !e.problem.Refused() || len(e.problem.Violations) == 0:
		return fmt.Errorf("%s was to be refused with the rules that it breaks: %w", requestRefused, err)
	}
	t.answer(false, "403 Forbidden", time.Since(began))
	return t.indented(func(w io.Writer) error {
		_, err := fmt.Fprint(w, refusalText(e))
		return err
	})
}

// again repeats a request, which must not place it a second time.
func (t *tour) again(ctx context.Context, c *client, first granted) error {
	t.step("The first VNFM did not hear the answer, and asks again")
	t.line(t.style.faint("POST " + grantsPath + "   deployments/reference/" + requestVM))
	var g wire.Grant
	began := time.Now()
	if _, err := c.ask(ctx, first.request, &g); err != nil {
		return fmt.Errorf("the same request again: %w", err)
	}
	if g.ID != first.grant.ID {
		return fmt.Errorf("the same request was granted twice: %s and %s", first.grant.ID, g.ID)
	}
	t.answer(true, "201 Created", time.Since(began))
	t.line("the same grant " + g.ID + ": nothing was placed twice")
	return nil
}

// directives shows what the host of the first grant is told.
func (t *tour) directives(ctx context.Context, c *client, first granted) error {
	host := first.grant.AdditionalParams.Ringfence.Placements[0].HostID
	t.host = host
	t.step("The NFVI reads what host " + host + " is told")
	t.line(t.style.faint("GET /directives/v1/hosts/" + url.PathEscape(host) + "/directives"))
	batch, err := (&follower{host: host}).all(ctx, c, remote.NewVerifier(c.remote))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(batch, func(d listed[directives.Directive]) bool { return d.value.Kind == directives.DirectiveKindPLACE }) {
		return fmt.Errorf("host %s was not told to place anything", host)
	}
	out := &form{value: formTable}
	if err := t.indented(func(w io.Writer) error {
		return writeList(w, out, batch, directiveName, directiveTable(out), directiveRow(out))
	}); err != nil {
		return err
	}
	t.line(t.style.good(fmt.Sprintf("all %d signatures verify (Ed25519, /directives/v1/keys)", len(batch))))
	return nil
}

// replay decides the first request again from its record.
func (t *tour) replay(ctx context.Context, c *client, first granted) error {
	id := first.grant.AdditionalParams.Ringfence.DecisionID
	t.step("An auditor has the first decision taken again from its record")
	t.line(t.style.faint("POST " + decisionPath(id) + "/replay"))
	r, _, err := replay(ctx, c, id)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if err := t.indented(func(w io.Writer) error { return writeReplay(w, id, r) }); err != nil {
		return err
	}
	if !r.Identical {
		return errors.New("the decision did not replay to the same answer")
	}
	return nil
}

// console makes sure that the console is there.
func (t *tour) console(ctx context.Context, c *client) error {
	t.step("All of this is in the console, to be read and tried")
	if _, err := c.do(ctx, call{Method: http.MethodGet, Path: "/console/", Accept: "text/html"}, nil); err != nil {
		return fmt.Errorf("console: %w", err)
	}
	t.line(t.style.bold(c.base + "/console/"))
	return nil
}

// invite says what can be tried while the service is up.
func (t *tour) invite(address string) {
	fmt.Fprintf(t.w, "\n%s\n\n", t.style.bold("Now you. The service stays up until Ctrl-C; in another terminal:"))
	if address != defaultURL {
		t.line("export RINGFENCE_URL=" + address)
	}
	for _, command := range []string{
		"host list",
		"explain deployments/reference/" + requestRefused + " --full",
		"decision list",
		"directives " + t.host + " --follow",
	} {
		t.line("bin/ringfence " + command)
	}
	fmt.Fprintln(t.w)
}

func (t *tour) note(text string) { fmt.Fprintln(t.w, t.style.faint(text)) }

func (t *tour) title(text string) { fmt.Fprintf(t.w, "%s\n\n", t.style.bold(text)) }

// done reports a part of the preparation.
func (t *tour) done(began time.Time, format string, args ...any) {
	took := time.Since(began).Round(10 * time.Millisecond)
	fmt.Fprintf(t.w, "%s %s %s\n", t.style.good("ok"), fmt.Sprintf(format, args...), t.style.faint("("+took.String()+")"))
}

// step begins a part of the tour.
func (t *tour) step(text string) {
	t.steps++
	fmt.Fprintf(t.w, "\n%s\n", t.style.bold(fmt.Sprintf("%d. %s", t.steps, text)))
}

func (t *tour) line(text string) { fmt.Fprintf(t.w, "   %s\n", text) }

// answer says what the service answered and how soon.
func (t *tour) answer(good bool, status string, took time.Duration) {
	mark := t.style.good
	if !good {
		mark = t.style.bad
	}
	t.line(mark(status) + t.style.faint(" in "+took.Round(100*time.Microsecond).String()))
}

// indented writes what fn writes, set in.
func (t *tour) indented(fn func(w io.Writer) error) error {
	var b bytes.Buffer
	if err := fn(&b); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		fmt.Fprint(t.w, strings.TrimRight("   "+line, " \n")+"\n")
	}
	return nil
}
