package agent

import (
	"context"
	"fmt"
	"slices"

	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
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
		erased, err = a.erase(d, seen)
	}
	signal(a.look)
	switch {
	case err != nil && a.returned(d):
		return superseded(fmt.Sprintf("%s; what was granted to the trust domain since stands on the rest: %v", freed.sentence(erased), err))
	case err != nil:
		return failing(err)
	}
	return applied(freed.sentence(erased))
}

// returned tells whether a trust domain that a PURGE is about got a new right to run here after it, in the containers that this agent
// sees. Its volume is in use again then, and the PURGE that follows the end of that right is about the same.
func (a *Agent) returned(d *wire.Directive) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, place := range a.journal.Places {
		if place.Seq > d.Seq && place.Order.TrustDomainID == d.Purge.TrustDomainID && place.Order.CISNode == a.config.CISNodeID {
			return d.Purge.TrustDomainID != ""
		}
	}
	return false
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
