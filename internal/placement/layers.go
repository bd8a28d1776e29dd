package placement

import "slices"

// layerIndex knows of artefacts what matters for others.
type layerIndex map[string]sharing

// sharing is what an artefact has in common with others.
type sharing struct {
	public bool
	layers []int32 // that another artefact contains as well and no public base does, numbered
}

// IndexLayers prepares Sharing, which is slow without. It is for who changes the images of a catalogue, before others read it.
func (c *Catalogue) IndexLayers() {
	in := map[string]int32{} // how many artefacts contain a layer; -1: a public base does
	for _, img := range c.Images {
		for _, id := range layersOf(&img) {
			switch {
			case img.isPublic():
				in[id] = -1
			case in[id] >= 0:
				in[id]++
			}
		}
	}
	// Numbers follow the order of maps: they are compared with each other and never leave the index.
	numbers, index := map[string]int32{}, layerIndex{}
	for digest, img := range c.Images {
		s := sharing{public: img.isPublic()}
		for _, id := range layersOf(&img) {
			if in[id] < 2 {
				continue
			}
			if _, known := numbers[id]; !known {
				numbers[id] = int32(len(numbers))
			}
			s.layers = append(s.layers, numbers[id])
		}
		if s.public || len(s.layers) > 0 {
			index[digest] = s
		}
	}
	c.layers = index
}

// Sharing tells with which other artefacts one has content in common.
type Sharing struct {
	index  layerIndex
	digest string
	own    sharing
}

// SharingOf returns what an artefact has in common with others. A catalogue without an index makes one for the answer.
func (c *Catalogue) SharingOf(digest string) Sharing {
	index := c.layers
	if index == nil {
		indexed := Catalogue{Images: c.Images}
		indexed.IndexLayers()
		index = indexed.layers
	}
	return Sharing{index: index, digest: digest, own: index[digest]}
}

// Containing lists the artefacts, ascending, that have a layer in common with these which no public base contains: what an
// image that the catalogue does not know is made of.
func (c *Catalogue) Containing(layers []Layer) []string {
	of := Image{Layers: layers}
	own := layersOf(&of)
	found := map[string]bool{}
	public := map[string]bool{}
	for digest, img := range c.Images {
		for _, id := range layersOf(&img) {
			if !slices.Contains(own, id) {
				continue
			}
			if img.isPublic() {
				public[id] = true
				continue
			}
			found[digest] = true
		}
	}
	var out []string
	for digest := range found {
		img := c.Images[digest]
		if slices.ContainsFunc(layersOf(&img), func(id string) bool { return slices.Contains(own, id) && !public[id] }) {
			out = append(out, digest)
		}
	}
	slices.Sort(out)
	return out
}

// With tells whether the artefact has content in common with another that is not public: they are one, or a layer that no
// public base contains is part of both. Nothing of a public base is anybody's secret.
func (s *Sharing) With(other string) bool {
	switch {
	case s.own.public:
		return false
	case s.digest == other:
		return true
	case len(s.own.layers) == 0:
		return false
	}
	o := s.index[other]
	return !o.public && slices.ContainsFunc(s.own.layers, func(layer int32) bool { return slices.Contains(o.layers, layer) })
}

// isPublic tells whether an artefact is a public base. One with secrets in it is none, whatever its record says.
func (i *Image) isPublic() bool { return i.PublicBase && !i.ContainsSecrets }

// layersOf lists the layers of an image, each once, by what they hold: the encrypted and the plain form of a layer share it.
func layersOf(img *Image) []string {
	out := make([]string, 0, len(img.Layers))
	for i := range img.Layers {
		id := img.Layers[i].DiffID
		if id == "" {
			id = img.Layers[i].Digest
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
