package httpapi

import (
	"cmp"
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func imageNoun(s *Server, records *inventory.Collection[placement.Image]) noun[wire.Image, placement.Image] {
	return noun[wire.Image, placement.Image]{
		server: s, records: records, path: "images", listName: "images", schema: "Image", keys: []string{"digest"},
		toWire: imageToWire, fromWire: imageFromWire,
	}
}

func imageToWire(i *placement.Image) wire.Image {
	w := wire.Image{
		Digest: i.Digest, Reference: i.Reference, Kind: wire.ArtefactKind(i.Kind), Sensitivity: i.Sensitivity,
		ContainsSecrets: i.ContainsSecrets, PublicBase: i.PublicBase, Signature: i.Signature,
	}
	for j := range i.Layers {
		l := &i.Layers[j]
		w.Layers = append(w.Layers, wire.Layer{Digest: l.Digest, DiffID: l.DiffID, SizeBytes: l.SizeBytes})
	}
	return w
}

func imageFromWire(w *wire.Image, _ *reading) placement.Image {
	i := placement.Image{
		Digest: w.Digest, Reference: w.Reference, Kind: cmp.Or(placement.ArtefactKind(w.Kind), placement.ArtefactContainerImage), Sensitivity: w.Sensitivity,
		ContainsSecrets: w.ContainsSecrets, PublicBase: w.PublicBase, Signature: w.Signature,
	}
	for j := range w.Layers {
		l := &w.Layers[j]
		i.Layers = append(i.Layers, placement.Layer{Digest: l.Digest, DiffID: cmp.Or(l.DiffID, l.Digest), SizeBytes: l.SizeBytes})
	}
	return i
}

// ListImages answers a page of images.
func (a inventoryAPI) ListImages(w http.ResponseWriter, r *http.Request, p wire.ListImagesParams) {
	a.reply(w, r)(a.nouns.images.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetImage answers one image.
func (a inventoryAPI) GetImage(w http.ResponseWriter, r *http.Request, digest string, _ wire.GetImageParams) {
	a.reply(w, r)(a.nouns.images.get(r, inventory.ID(digest)))
}

// PutImage creates or replaces an image.
func (a inventoryAPI) PutImage(w http.ResponseWriter, r *http.Request, digest string, p wire.PutImageParams) {
	a.reply(w, r)(a.nouns.images.put(r, inventory.ID(digest), p.IfMatch, p.IfNoneMatch))
}

// PatchImage changes attributes of an image.
func (a inventoryAPI) PatchImage(w http.ResponseWriter, r *http.Request, digest string, p wire.PatchImageParams) {
	a.reply(w, r)(a.nouns.images.patch(r, inventory.ID(digest), p.IfMatch))
}

// DeleteImage deletes an image.
func (a inventoryAPI) DeleteImage(w http.ResponseWriter, r *http.Request, digest string, p wire.DeleteImageParams) {
	a.reply(w, r)(a.nouns.images.remove(r, inventory.ID(digest), p.IfMatch))
}
