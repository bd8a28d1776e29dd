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

	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
	"ringfence/internal/client"
)

// purge removes artefacts and shows that they are gone. One that runs stays in the way until it stops.
func (a *Agent) purge(ctx context.Context, d *wire.Directive, seen Observation) result {
	digests := a.condemned(d, seen)
	freed, err := a.images.Purge(ctx, digests)
	if err != nil {
		return failing(err)
	}
	erased := 0
	if d.Purge.TrustDomainID != "" || d.Purge.All {
		if erased, err = a.erase(d, seen); err != nil {
			return failing(err)
		}
	}
	signal(a.look)
	return applied(freed.sentence(erased))
}

// sentence is the proof of a purge for people.
func (f Freed) sentence(erased int) string {
	text := fmt.Sprintf("removed %d images and %d layers, %d bytes; looked again and found none of them", f.Images, f.Layers, f.Bytes)
	if erased > 0 {
		text += fmt.Sprintf("; %d volumes erased with their keys", erased)
	}
	return text
}

// condemned are the artefacts that a PURGE is about, without those for which a later directive holds.
func (a *Agent) condemned(d *wire.Directive, seen Observation) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var digests []string
	consider := func(digest string) {
		if a.journal.later(digest, d.Seq) == nil && !slices.Contains(digests, digest) {
			digests = append(digests, digest)
		}
	}
	for _, artefact := range seen.Artefacts {
		named := slices.Contains(d.Purge.Digests, artefact.Digest) || slices.Contains(d.Purge.Digests, anyDigest)
		if d.Purge.All || named || d.Purge.TrustDomainID != "" && a.belongs(artefact, d.Purge.TrustDomainID) {
			consider(artefact.Digest)
		}
	}
	for _, digest := range d.Purge.Digests { // remains of what has no name any more
		if digest != anyDigest {
			consider(digest)
		}
	}
	slices.Sort(digests)
	return digests
}

// belongs tells whether an artefact is kept for a trust domain: by where it lies, or by the order it lies here for.
func (a *Agent) belongs(artefact Artefact, trustDomainID string) bool {
	if artefact.TrustDomainID == trustDomainID {
		return true
	}
	w := a.journal.Wanted[artefact.Digest]
	return w != nil && w.domain() == trustDomainID && w.Order.Mode != inventory.CacheModeSHARED
}

// erase destroys the volumes that a PURGE emptied, unless a later directive keeps something there.
func (a *Agent) erase(d *wire.Directive, seen Observation) (int, error) {
	a.mu.Lock()
	for _, artefact := range seen.Artefacts {
		inside := d.Purge.All || artefact.TrustDomainID == d.Purge.TrustDomainID
		if inside && artefact.TrustDomainID != "" && a.journal.later(artefact.Digest, d.Seq) != nil {
			a.mu.Unlock()
			return 0, nil
		}
	}
	a.mu.Unlock()
	return a.volumes.Erase(d.Purge.TrustDomainID)
}

// eraseEmpty drops the keys of trust domains that have no right and no artefact here any more.
func (a *Agent) eraseEmpty(ctx context.Context, seen Observation) {
	if a.now().Before(a.nextErase) {
		return
	}
	a.mu.Lock()
	gone := map[string]bool{}
	for _, w := range a.journal.Wanted {
		if domain := w.domain(); domain != "" && w.Needed && len(w.Image.Layers) > 0 {
			gone[domain] = true
		}
	}
	for _, w := range a.journal.Wanted {
		if !w.Needed || a.journal.placed(w) {
			delete(gone, w.domain())
		}
	}
	for _, artefact := range seen.Artefacts {
		delete(gone, artefact.TrustDomainID)
	}
	a.mu.Unlock()
	for domain := range gone {
		n, err := a.volumes.Erase(domain)
		if err != nil { // layers may be left there that containerd has forgotten
			if _, err = a.images.Purge(ctx, nil); err == nil {
				n, err = a.volumes.Erase(domain)
			}
		}
		if err != nil {
			a.log.Warn("a volume that nobody uses cannot be erased yet", "trustDomainId", domain, "error", err)
			a.nextErase = a.now().Add(eraseRetry)
		} else if n > 0 {
			a.log.Info("the volumes of a trust domain are erased with their keys", "trustDomainId", domain, "volumes", n)
		}
	}
}

// scrub cleans the host as far as the level asks, and leaves the evidence with ringfence.
func (a *Agent) scrub(ctx context.Context, d *wire.Directive, seen Observation) result {
	if n := len(seen.Workloads); n > 0 {
		return failing(fmt.Errorf("%d workloads run here: a host is cleaned when nothing runs on it", n))
	}
	everything := wire.Directive{Seq: d.Seq, Kind: wire.DirectiveKindPURGE, Purge: wire.PurgeDirective{All: true}}
	purged := a.purge(ctx, &everything, seen)
	if purged.outcome != wire.AckOutcomeAPPLIED {
		return purged
	}
	done := []string{purged.detail}
	if d.Scrub.Level != inventory.ScrubLevelCACHEPURGE {
		text, err := a.wipe(ctx)
		if err != nil {
			return failing(err)
		}
		done = append(done, text)
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

// wipe removes what stopped containers wrote, and empties the folders of ephemeral data.
func (a *Agent) wipe(ctx context.Context) (string, error) {
	if err := a.images.Sweep(ctx); err != nil {
		return "", fmt.Errorf("remove stopped containers: %w", err)
	}
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
	err = a.service.RecordScrub(ctx, a.config.HostID, inventory.ScrubReport{
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
