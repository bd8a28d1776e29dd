package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
)

// anyDigest stands for whatever a workload brings that names no artefacts.
const anyDigest = "*"

// cache makes an artefact lie here in the form that is ordered, or says why it cannot.
func (a *Agent) cache(ctx context.Context, d *wire.Directive, seen Observation) result {
	order := d.Cache
	if a.newer(order.Digest, d.Seq) {
		return superseded("a later directive says how the artefact may lie here")
	}
	if err := a.provides(&order); err != nil {
		return failing(err) // until the host is set up for it
	}
	if err := a.admits(d); err != nil {
		return failing(err)
	}
	if lies := seen.artefact(order.Digest); lies != nil && weaker(lies.Mode, order.Mode) {
		if _, err := a.images.Purge(ctx, []string{order.Digest}); err != nil {
			return failing(fmt.Errorf("the artefact lies here as %s and cannot be removed: %w", lies.Mode, err))
		}
		signal(a.look)
	}
	image, err := a.route(ctx, d)
	if err != nil {
		return failing(err)
	}
	if order.Mode == inventory.CacheModeGUESTONLY && len(image.Layers) == 0 {
		return applied("what it consists of is not known here: a pull on the host is found afterwards, not refused")
	}
	if !order.PrePullAllowed || order.Digest == anyDigest || order.PullPolicy == wire.CacheDirectivePullPolicyNever {
		return applied("")
	}
	if image.Reference == "" {
		return applied("not fetched beforehand: the inventory has no reference of it")
	}
	if why := a.quarantine(); why != "" {
		return applied("not fetched beforehand: the host is in quarantine: " + why)
	}
	if err := a.fetch(ctx, image); err != nil {
		return failing(err)
	}
	return applied("")
}

// quarantine says why nothing new may start here; empty: it may.
func (a *Agent) quarantine() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.journal.Quarantine
}

// newer tells whether a later directive is about the artefact.
func (a *Agent) newer(digest string, seq int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.journal.later(digest, seq) != nil
}

// routes tells whether the layers of an artefact must not go where layers usually go: they have a place of their own, or, where only the
// guest may have them, none.
func routes(order *wire.CacheDirective) bool {
	return order.Mode == inventory.CacheModeENCRYPTED || order.Mode == inventory.CacheModeNOSTORE || order.Mode == inventory.CacheModeGUESTONLY && order.Digest != anyDigest
}

// provides says why the host cannot keep artefacts so; nil: it can.
func (a *Agent) provides(order *wire.CacheDirective) error {
	if err := a.volumes.Unavailable(order.Mode); err != nil {
		return err
	}
	own := order.Mode == inventory.CacheModeENCRYPTED || order.Mode == inventory.CacheModeNOSTORE
	switch {
	case order.Mode == inventory.CacheModeDOMAINPRIVATE && (len(order.VisibleToTrustDomainIDs) != 1 || order.VisibleToTrustDomainIDs[0] != a.config.OnlyDomain):
		return fmt.Errorf("not available here: %s needs a host that serves one trust domain only, and this one is configured for %q", order.Mode, a.config.OnlyDomain)
	case own && order.Digest == anyDigest:
		return fmt.Errorf("not available here: %s of artefacts that no directive names; name the images in the component's profile", order.Mode)
	case own && len(order.VisibleToTrustDomainIDs) != 1:
		return fmt.Errorf("not available here: %s for %d trust domains at once", order.Mode, len(order.VisibleToTrustDomainIDs))
	}
	return nil
}

// admits says what stands in the way on the host now; nil: nothing.
func (a *Agent) admits(d *wire.Directive) error {
	a.mu.Lock()
	before := a.journal.Wanted[d.Cache.Digest]
	others := before != nil && before.Seq < d.Seq && a.journal.placed(before)
	a.mu.Unlock()
	next := Wanted{Order: d.Cache}
	if others && before.domain() != "" && before.domain() != next.domain() {
		return fmt.Errorf("the artefact lies here for %s, whose workload may run; it cannot lie under another key at the same time", before.domain())
	}
	return nil
}

// strength orders the modes, weakest first.
var strength = map[inventory.CacheMode]int{
	inventory.CacheModeSHARED: 1, inventory.CacheModeDOMAINPRIVATE: 2, inventory.CacheModeENCRYPTED: 3,
	inventory.CacheModeGUESTONLY: 4, inventory.CacheModeNOSTORE: 5,
}

func weaker(a, b inventory.CacheMode) bool { return strength[a] < strength[b] }

// route enters the order, with what the image consists of where its layers must not go to the shared folder. From then on
// nobody can unpack them there.
func (a *Agent) route(ctx context.Context, d *wire.Directive) (Image, error) {
	image := Image{Digest: d.Cache.Digest, Reference: d.Cache.Reference}
	if routes(&d.Cache) {
		resolved, err := a.resolve(ctx, image)
		if err != nil && d.Cache.Mode != inventory.CacheModeGUESTONLY { // only the guest may have the right to read the registry
			return image, err
		}
		if err == nil {
			image = resolved
		}
	}
	return image, a.change(func(j *Journal) {
		if before := j.Wanted[image.Digest]; before == nil || before.Seq < d.Seq {
			j.Wanted[image.Digest] = &Wanted{Seq: d.Seq, Order: d.Cache, Image: image}
		}
	})
}

// resolve reads what an image consists of.
func (a *Agent) resolve(ctx context.Context, image Image) (Image, error) {
	if image.Reference == "" {
		return image, errors.New("where the image is found is not known: set its reference in the inventory")
	}
	resolved, err := a.images.Resolve(ctx, image.Reference, image.Digest)
	if err != nil {
		return image, fmt.Errorf("read the manifest of %s: %w", image.Reference, err)
	}
	return resolved, nil
}

// Route is where a layer of an image must go, and how it is read.
type Route struct {
	Mode          inventory.CacheMode
	TrustDomainID string
	DiffID        string
	Open          func(ctx context.Context) (io.ReadCloser, error)
}

// Route finds the route of a layer by its chain ID. Before it says that there is none it reads the feed to its end: a kubelet
// may pull what was granted a moment ago. An error means that nobody can tell, and that the layer must not be unpacked.
func (a *Agent) Route(ctx context.Context, chainID string) (Route, bool, error) {
	if route, found := a.routed(chainID); found {
		return route, true, refuseGuests(route)
	}
	if err := a.catchUp(ctx); err != nil {
		if a.advisory() { // nothing is kept from starting
			return Route{}, false, nil
		}
		return Route{}, false, fmt.Errorf("whether the layer may lie in the open is not known now: %w", err)
	}
	route, found := a.routed(chainID)
	return route, found, refuseGuests(route)
}

// refuseGuests is an error for a layer that must be unpacked nowhere but inside a guest. A runtime that pulls on the host all the same
// gets no further than the first one.
func refuseGuests(route Route) error {
	if route.Mode == inventory.CacheModeGUESTONLY {
		return errors.New("the layer belongs to an image of mode GUEST_ONLY: it is pulled inside the guest, never on the host; see that the runtime class pulls there")
	}
	return nil
}

// catchUp takes in every directive that ringfence has, and makes the routes of those that need one.
func (a *Agent) catchUp(ctx context.Context) error {
	for {
		n, err := a.step(ctx, 0)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	if a.advisory() {
		return nil
	}
	a.mu.Lock()
	items := append([]*Item(nil), a.journal.Open...)
	a.mu.Unlock()
	for _, item := range items {
		d := &item.Directive
		if d.Kind != wire.DirectiveKindCACHE || !routes(&d.Cache) || a.known(d) || a.provides(&d.Cache) != nil || a.admits(d) != nil {
			continue
		}
		if _, err := a.route(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// known tells whether the order of a directive, or a later one, has been entered.
func (a *Agent) known(d *wire.Directive) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.journal.Wanted[d.Cache.Digest]
	return w != nil && w.Seq >= d.Seq
}

// routed finds the route of a layer among those that are made. It outlives the right of the workload that it was made for:
// without a new directive the layer must not lie here in any weaker form.
func (a *Agent) routed(chainID string) (Route, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var newest *Wanted
	var found Layer
	for _, w := range a.journal.Wanted {
		for i := range w.Image.Layers {
			if w.Image.Layers[i].ChainID == chainID && (newest == nil || w.Seq > newest.Seq) {
				newest, found = w, w.Image.Layers[i]
			}
		}
	}
	if newest == nil {
		return Route{}, false
	}
	image, domain := newest.Image, newest.domain()
	return Route{Mode: newest.Order.Mode, TrustDomainID: domain, DiffID: found.DiffID, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return a.images.Open(ctx, image, found, domain)
	}}, true
}

// expire removes the artefacts that have lost their right to lie here, if directives bind.
func (a *Agent) expire(ctx context.Context, seen Observation) {
	lapsed := a.lapsed(seen)
	if a.advisory() {
		return
	}
	for _, digest := range lapsed {
		freed, err := a.images.Purge(ctx, []string{digest})
		if errors.Is(err, ErrInUse) { // it was started since the host was looked at
			continue
		}
		if err != nil {
			a.log.Error("an artefact whose right has ended cannot be removed", "digest", digest, "error", err)
			continue
		}
		a.log.Info("an artefact whose right has ended is removed", "digest", digest, "bytes", freed.Bytes)
		if err := a.change(func(j *Journal) {
			if w := j.Wanted[digest]; w != nil {
				w.Used, w.UnusedSince = false, time.Time{}
			}
		}); err != nil {
			a.log.Error("the journal cannot be written", "error", err)
		}
		signal(a.look)
	}
	a.eraseEmpty(ctx, seen)
}

// recover removes what a restart of the host made unreadable, and fetches anew what workloads have a right to and may be
// fetched beforehand. It tells whether that is done; what is in use by a container that never stopped is not lost.
func (a *Agent) recover(ctx context.Context) bool {
	lost, err := a.images.Lost(ctx)
	if err != nil {
		a.log.Warn("what a restart of the host left cannot be looked for", "error", err)
		return false
	}
	if len(lost) == 0 {
		return true
	}
	if _, err := a.images.Purge(ctx, lost); err != nil {
		a.log.Warn("what a restart of the host left cannot be removed", "error", err)
		return false
	}
	a.log.Info("images are removed whose key or memory went with a restart of the host", "images", len(lost))
	signal(a.look)
	for _, image := range a.refetched(lost) {
		if err := a.fetch(ctx, image); err != nil {
			a.log.Warn("an image cannot be fetched anew; whoever starts its workload will try", "digest", image.Digest, "error", err)
		}
	}
	return true
}

// refetched are those of the images that a workload with a right needs; none in quarantine.
func (a *Agent) refetched(digests []string) []Image {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.journal.Quarantine != "" {
		return nil
	}
	var images []Image
	for _, digest := range digests {
		w := a.journal.Wanted[digest]
		if w != nil && w.Order.PrePullAllowed && w.Image.Reference != "" && a.journal.placed(w) {
			images = append(images, w.Image)
		}
	}
	return images
}

// fetch pulls an image within its time.
func (a *Agent) fetch(ctx context.Context, image Image) error {
	ctx, cancel := context.WithTimeout(ctx, a.config.PullTimeout)
	defer cancel()
	if err := a.images.Pull(ctx, image); err != nil {
		return fmt.Errorf("fetch %s: %w", image.Reference, err)
	}
	signal(a.look)
	return nil
}

// lapsed keeps the books on what is used, and lists what lies here without a right any more.
func (a *Agent) lapsed(seen Observation) []string {
	var digests []string
	changed := false
	a.mu.Lock()
	defer a.mu.Unlock()
	for digest, w := range a.journal.Wanted {
		placed, used := a.journal.placed(w), seen.uses(digest) || a.journal.awaited(digest, &seen)
		before := *w
		w.Needed = w.Needed || placed
		switch {
		case used:
			w.Used, w.UnusedSince = true, time.Time{}
		case w.UnusedSince.IsZero():
			w.UnusedSince = seen.At
		}
		changed = changed || w.Needed != before.Needed || w.Used != before.Used || !w.UnusedSince.Equal(before.UnusedSince)
		if seen.artefact(digest) != nil && !used && w.expired(placed, seen.At) {
			digests = append(digests, digest)
		}
	}
	if changed {
		if err := a.journal.save(a.config.JournalFile); err != nil {
			a.log.Error("the journal cannot be written", "error", err)
		}
	}
	return digests
}

// expired tells whether an artefact that no container uses has to go.
func (w *Wanted) expired(placed bool, now time.Time) bool {
	if age, err := time.ParseDuration(w.Order.MaxUnusedAge); err == nil && age > 0 && now.Sub(w.UnusedSince) > age {
		return true
	}
	if !w.Order.RetainAfterStop && w.Used {
		return true
	}
	return w.Needed && !placed && (w.Order.PurgeOnRelease || !w.Order.RetainAfterStop)
}
