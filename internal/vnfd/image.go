package vnfd

import (
	"path"
	"strings"
)

// softwareArtifact takes an artifact of a node for what it starts from, where it is a software image.
func (t *topology) softwareArtifact(c *Component, f field) {
	if img, ok := t.imageArtifact(f); ok {
		c.Images = append(c.Images, img)
	}
}

// imageArtifact reads an artifact that is a software image. Others are scripts, which are not run here.
func (t *topology) imageArtifact(f field) (SoftwareImage, bool) {
	kind := f.value.get("type").str()
	known := func(name string) bool { return name == artifactSoftware }
	file := f.value.get("file").str()
	if f.value != nil && f.value.kind == scalarValue {
		file = f.value.str()
	}
	if file != "" && !strings.Contains(file, "://") && t.locate(f.place, file) == "" && t.files != nil {
		t.warn(CodeArtifact, f.place, "the package does not hold the artifact %s", quote(file))
	}
	if _, ok := t.types.base("artifact_types", kind, known); !ok {
		return SoftwareImage{}, false
	}
	properties := f.value.get("properties")
	if !properties.given() {
		properties = f.value // as many descriptors write it
	}
	return t.image(f.name, properties, f.value, file), true
}

// locate finds a file that a document names: from the root of the package, or from the document.
func (a *archive) locate(from place, file string) string {
	for _, name := range []string{path.Clean(file), path.Join(path.Dir(from.file), file)} {
		if a.files[name] != nil {
			return name
		}
	}
	return ""
}

// image reads a software image and checks it where it is in the package.
func (t *topology) image(id string, properties, at *value, file string) SoftwareImage {
	text := func(name string) string { return t.plain(properties.get(name)).str() }
	img := SoftwareImage{ID: id, Name: text("name"), Version: text("version"), ContainerFormat: text("container_format"), DiskFormat: text("disk_format")}
	sum := properties.get("checksum")
	img.Algorithm, img.Checksum = t.plain(sum.get("algorithm")).str(), t.plain(sum.get("hash")).str()
	img.SizeBytes, _ = t.size(properties.get("size"), "the size of a software image")
	if h := hashOf(img.Algorithm); img.Checksum != "" && (h == nil || !hexForm.MatchString(img.Checksum) || len(img.Checksum) != 2*h.Size()) {
		t.warn(CodeForm, sum.place, "the checksum of the software image %s is no hash of the algorithm %s; it is left out", quote(id), quote(img.Algorithm))
		img.Algorithm, img.Checksum = "", ""
	}
	if img.ContainerFormat == "docker" {
		t.warn(CodeImageDigestNeeded, at.place, "the checksum of the software image %s is of an archive; name the digest of the container image when you complete the draft", quote(id))
	}
	if name := t.locate(at.place, file); file != "" && name != "" {
		if img.File = name; img.Checksum != "" {
			t.checkHash(SeverityError, name, img.Algorithm, img.Checksum, sum.place)
		}
	}
	return img
}

// storage reads a virtual storage.
func (t *topology) storage(n *node) Storage {
	s := Storage{ID: n.name, Kind: "BLOCK"}
	data := n.property("virtual_block_storage_data", "size_of_storage")
	switch n.base {
	case nodeObjectStorage:
		s.Kind, data = "OBJECT", n.property("virtual_object_storage_data", "max_size_of_storage")
	case nodeFileStorage:
		s.Kind, data = "FILE", n.property("virtual_file_storage_data", "size_of_storage")
	}
	t.checkProperties(n.name, n.value.get("properties"), "virtual_block_storage_data", "virtual_object_storage_data", "virtual_file_storage_data",
		"sw_image_data", "per_vnfc_instance", "nfvi_maintenance_info")
	s.SizeBytes, _ = t.size(data, "the size of a storage")
	if img := n.property("sw_image_data"); img.given() {
		s.Images = append(s.Images, t.image(n.name, img, img, ""))
	}
	for _, f := range n.value.get("artifacts").entries() {
		if img, ok := t.imageArtifact(f); ok {
			s.Images = append(s.Images, img)
		}
	}
	return s
}
