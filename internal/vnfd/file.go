package vnfd

import (
	"errors"
	"io"
)

// File is one file of a package.
type File struct {
	Name    string
	Content []byte
}

// Descriptor returns the files that make up the VNFD of a package: its metadata, and the documents that imports lead to from the
// entry on, which comes first. Of a single descriptor it is that file, under the name given.
func Descriptor(r io.ReaderAt, size int64, file string) ([]File, error) {
	rep := &report{}
	unreadable := errors.New("the VNF package cannot be read any more")
	if !IsArchive(r) {
		text := make([]byte, min(size, maxTextBytes))
		if n, err := r.ReadAt(text, 0); n < len(text) {
			return nil, errors.Join(unreadable, err)
		}
		return []File{{file, text}}, nil
	}
	a := openZip(r, size, rep)
	if a == nil {
		return nil, unreadable
	}
	entry := a.entryDefinitions()
	if entry == "" {
		return nil, unreadable
	}
	var out []File
	for _, doc := range a.load(entry, Charts{}).documents {
		out = append(out, File{doc.file, a.read(doc.file)})
	}
	if a.has(metadataFile) {
		out = append(out, File{metadataFile, a.read(metadataFile)})
	}
	return out, nil
}
