package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	wire "ringfence/api/grant"
)

const grantsPath = "/grant/v1/grants"

func newGrant(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "grant FILE|-", Short: "Ask for a grant", Args: takes("FILE|-"),
		Long: `Send a SOL003 grant request (JSON), as a VNFM does, and show where each resource goes. What is granted is reserved.

The same request again is answered with the same grant. A refusal shows the rules that stood against it, and
ends with exit code 3; explain says more, and reserves nothing.`,
		Example: `  ringfence grant deployments/reference/requests/instantiate-upf-vm.json
  ringfence grant request.json -o json | jq -r '.additionalParams.ringfence.placements[].hostId'`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		request, err := readRequest(p, args[0])
		if err != nil {
			return err
		}
		var g wire.Grant
		got, err := c.ask(ctx, request, &g)
		if e := asAPIError(err); e != nil && e.problem.Refused() {
			return showRefusal(p, out, e)
		}
		if err != nil {
			return err
		}
		return showGrant(p.stdout, out, &g, got.Body)
	})
	return cmd
}

// readRequest reads a grant request, which must be JSON; everything else about it is the service's to judge.
func readRequest(p process, name string) (json.RawMessage, error) {
	data, err := readInput(p, name)
	if err != nil {
		return nil, err
	}
	var request json.RawMessage
	if err := json.Unmarshal(data, &request); err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", name, err)
	}
	return request, nil
}

func showRefusal(p process, out *form, e *apiError) error {
	var err error
	switch {
	case out.machine():
		err = out.writeObject(p.stdout, e.problem.Document)
	default:
		_, err = fmt.Fprint(p.stdout, refusalText(e))
	}
	if err != nil {
		return err
	}
	if id := e.problem.DecisionID; id != "" && !out.machine() {
		fmt.Fprintf(p.stderr, "\nfor more: ringfence explain %s\n", printable(id))
	}
	return &exitError{exitRefused, errShown}
}

func showGrant(w io.Writer, out *form, g *wire.Grant, raw json.RawMessage) error {
	switch {
	case out.machine():
		return out.writeObject(w, raw)
	case out.value == formName:
		_, err := fmt.Fprintln(w, printable(g.ID))
		return err
	}
	more := g.AdditionalParams.Ringfence
	fmt.Fprintf(w, "granted    %s\n", printable(g.ID))
	fmt.Fprintf(w, "decision   %s, policy epoch %d\n", printable(more.DecisionID), more.PolicyEpoch)
	if !more.ValidUntil.IsZero() {
		fmt.Fprintf(w, "reserved   until %s\n", instant(more.ValidUntil))
	}
	if len(more.Placements) == 0 {
		_, err := fmt.Fprintln(w, "nothing to place")
		return err
	}
	fmt.Fprintln(w)
	return placementTable(more.Placements, zonesOf(g), out.value == formWide).write(w)
}

// zonesOf is what the VIM calls the place of each resource.
func zonesOf(g *wire.Grant) map[string]string {
	names := map[string]string{}
	for _, z := range g.Zones {
		names[z.ID] = z.ZoneID
	}
	zones := map[string]string{}
	for _, info := range slices.Concat(g.AddResources, g.TempResources) {
		zones[info.ResourceDefinitionID] = names[info.ZoneID]
	}
	return zones
}

// placementTable says where each resource goes and how it must run there. zones may be nil.
func placementTable(placements []wire.GrantedPlacement, zones map[string]string, wide bool) *table {
	t := &table{header: []string{"RESOURCE", "HOST", "RUNTIME", "ISOLATION", "IMAGES IN THE HOST'S CACHE"}}
	if wide {
		t.header = append(t.header, "CIS NODE", "ZONE", "NODE SELECTOR", "TOLERATIONS", "ENFORCEMENT")
	}
	for i := range placements {
		pl := &placements[i]
		row := []string{pl.ResourceDefinitionID, pl.HostID, pl.RuntimeClass, string(pl.Isolation), cacheChoices(pl.Cache)}
		if wide {
			row = append(row, pl.CISNode, zones[pl.ResourceDefinitionID], labels(pl.NodeSelector), tolerations(pl.Tolerations), string(pl.Enforcement))
		}
		t.add(row...)
	}
	return t
}

// cacheChoices says in which form the images of a workload may lie on its host.
func cacheChoices(choices []wire.CacheChoice) string {
	modes := map[string]string{}
	for _, c := range choices {
		modes[c.Digest] = string(c.Mode)
	}
	return cacheModes(modes)
}

// cacheModes writes the mode alone where it is the same for all.
func cacheModes(byDigest map[string]string) string {
	digests := slices.Sorted(maps.Keys(byDigest))
	distinct := slices.Compact(slices.Sorted(maps.Values(byDigest)))
	if len(distinct) == 1 {
		return distinct[0]
	}
	var parts []string
	for _, d := range digests {
		parts = append(parts, shortDigest(d)+" "+byDigest[d])
	}
	return strings.Join(parts, ", ")
}

// shortDigest is enough of a digest to recognise it.
func shortDigest(d string) string {
	algorithm, value, ok := strings.Cut(d, ":")
	if !ok || len(value) <= 12 {
		return d
	}
	return algorithm + ":" + value[:12]
}

func labels(m map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, name+"="+m[name])
	}
	return strings.Join(parts, ",")
}

func tolerations(list []wire.Toleration) string {
	var parts []string
	for _, t := range list {
		part := t.Key
		if t.Value != "" {
			part += "=" + t.Value
		}
		parts = append(parts, part+":"+string(t.Effect))
	}
	return strings.Join(parts, ",")
}
