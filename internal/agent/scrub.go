package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/api/client"
	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
)

// scrub cleans the host as far as the level asks, and leaves the evidence with ringfence. Images that nothing uses can go while
// workloads run: what a running workload uses is nobody's residue. What workloads wrote, devices, memory and disks cannot be
// cleaned beside one; only the host's own trusted base may run then.
func (a *Agent) scrub(ctx context.Context, d *wire.Directive, seen Observation) result {
	empties := d.Scrub.DeviceReset || d.Scrub.Level != inventory.ScrubLevelCACHEPURGE
	if others := guests(seen, d.Scrub.FabricDigests); empties && len(others) > 0 {
		return failing(inTheWay(&d.Scrub, others))
	}
	done, err := a.purgeUnused(ctx, d, seen, empties)
	if err != nil {
		return failing(err)
	}
	if d.Scrub.Level != inventory.ScrubLevelCACHEPURGE {
		text, err := a.wipe(ctx)
		if err != nil {
			return failing(err)
		}
		done = append(done, text)
	}
	if empties { // somebody may have been started meanwhile, and then neither was the host clean nor may it be reset
		again, err := a.images.Observe(ctx)
		if err != nil {
			return failing(err)
		}
		if others := guests(again, d.Scrub.FabricDigests); len(others) > 0 {
			return failing(inTheWay(&d.Scrub, others))
		}
	}
	if d.Scrub.DeviceReset || d.Scrub.Level == inventory.ScrubLevelREBOOT || d.Scrub.Level == inventory.ScrubLevelREIMAGE {
		text, err := a.hook(ctx, &d.Scrub)
		if err != nil {
			return failing(err)
		}
		done = append(done, text)
	}
	return a.recordScrub(ctx, d, strings.Join(done, "; "))
}

// guests are the workloads that are not of the host's own trusted base: that run anything else, or of which that is not known.
func guests(seen Observation, fabric []string) []string {
	var ids []string
	for _, w := range seen.Workloads {
		foreign := func(digest string) bool { return !slices.Contains(fabric, digest) }
		if len(w.Images) == 0 || slices.ContainsFunc(w.Images, foreign) {
			ids = append(ids, w.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func inTheWay(order *wire.ScrubDirective, workloads []string) error {
	named := strings.Join(workloads[:min(len(workloads), 3)], ", ")
	return fmt.Errorf("%d workloads run here (%s): a host is cleaned at the level %s, device reset %t, when nothing runs on it but its own trusted base",
		len(workloads), named, order.Level, order.DeviceReset)
}

// purgeUnused removes every image but those of the host's own trusted base, those that a container uses, and those about which there is
// a later directive; and of a host that is emptied all volumes with their keys.
func (a *Agent) purgeUnused(ctx context.Context, d *wire.Directive, seen Observation, empties bool) ([]string, error) {
	everything := wire.Directive{Seq: d.Seq, Kind: wire.DirectiveKindPURGE, Purge: wire.PurgeDirective{All: true}}
	var total Freed
	kept := 0
	for _, digest := range a.condemned(&everything, seen) {
		artefact := seen.artefact(digest)
		if slices.Contains(d.Scrub.FabricDigests, digest) || slices.Contains(d.Scrub.FabricDigests, artefact.Manifest) {
			continue
		}
		freed, err := a.images.Purge(ctx, []string{digest})
		if errors.Is(err, ErrInUse) {
			kept++
			continue
		}
		if err != nil {
			return nil, err
		}
		total.Images, total.Layers, total.Bytes = total.Images+freed.Images, total.Layers+freed.Layers, total.Bytes+freed.Bytes
	}
	erased := 0
	if empties {
		if _, err := a.images.Purge(ctx, nil); err != nil { // layers that containerd has forgotten keep a volume from being erased
			return nil, err
		}
		var err error
		if erased, err = a.erase(&everything, seen); err != nil {
			return nil, err
		}
	}
	signal(a.look)
	done := []string{total.sentence(erased)}
	if kept > 0 {
		done = append(done, fmt.Sprintf("%d images stay because a container that runs uses them", kept))
	}
	return done, nil
}

// wipe empties the folders of ephemeral data and removes what stopped containers wrote, and has the device forget both.
func (a *Agent) wipe(ctx context.Context) (string, error) {
	for _, folder := range a.config.EphemeralFolders {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("empty %s: %w", folder, err)
		}
		for _, entry := range entries {
			if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
				return "", fmt.Errorf("empty %s: %w", folder, err)
			}
		}
	}
	if err := a.images.Sweep(ctx); err != nil {
		return "", fmt.Errorf("remove stopped containers: %w", err)
	}
	return fmt.Sprintf("stopped containers removed, %d folders of ephemeral data emptied", len(a.config.EphemeralFolders)), nil
}

// hook has the operator's program do what an agent cannot do to the host that it runs on.
func (a *Agent) hook(ctx context.Context, order *wire.ScrubDirective) (string, error) {
	if a.config.ScrubHook == "" {
		return "", fmt.Errorf("%s with device reset %t needs an operator, or a program given by --scrub-hook", order.Level, order.DeviceReset)
	}
	// #nosec G204 -- the program is the operator's choice, and the level is one of the contract's
	output, err := exec.CommandContext(ctx, a.config.ScrubHook, string(order.Level), strconv.FormatBool(order.DeviceReset)).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", a.config.ScrubHook, err, strings.TrimSpace(string(output)))
	}
	return fmt.Sprintf("%s did the rest", a.config.ScrubHook), nil
}

// recordScrub sends the evidence. Only who has the role SCRUBBER may; without it the answer says that somebody else must.
func (a *Agent) recordScrub(ctx context.Context, d *wire.Directive, done string) result {
	now := a.now().UTC()
	evidence, err := json.Marshal(map[string]string{
		"hostId": a.config.HostID, "seq": strconv.FormatInt(d.Seq, 10), "level": string(d.Scrub.Level), "at": now.Format(time.RFC3339Nano), "done": done,
	})
	if err != nil {
		return failing(err)
	}
	_, err = a.service.RecordScrub(ctx, a.config.HostID, inventory.ScrubReport{
		Level: d.Scrub.Level, DeviceReset: d.Scrub.DeviceReset, Actor: "ringfence agent", Evidence: string(evidence),
	})
	switch {
	case client.HasStatus(err, http.StatusForbidden):
		return applied(done + "; this agent may not record it: the evidence has to be entered by a client with the role SCRUBBER")
	case err != nil:
		return failing(fmt.Errorf("cleaned, but the record is not written: %w", err))
	}
	return applied(done)
}
