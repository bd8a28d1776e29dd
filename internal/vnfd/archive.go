package vnfd

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// archive is the content of a package, by the path of each file. A single descriptor is an archive of one file.
type archive struct {
	*report
	files  map[string]*zip.File // nil for a single descriptor
	names  []string             // of files, sorted
	text   map[string][]byte    // of files that were read as text
	sums   map[string]string    // of files that were hashed, by algorithm and path; empty: could not be
	listed []listed             // by its manifest and metadata
}

// openZip reads the directory of a CSAR. nil when it is none, or holds what a package must not hold.
func openZip(r io.ReaderAt, size int64, rep *report) *archive {
	if n := directoryBytes(r, size); n > maxDirectoryBytes {
		rep.fail(CodeTooLarge, place{}, "the directory of the archive has %d bytes, at most %d are read", n, maxDirectoryBytes)
		return nil
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		rep.fail(CodeArchive, place{}, "the archive cannot be read: %s", strings.TrimPrefix(err.Error(), "zip: "))
		return nil
	}
	if len(z.File) > maxFiles {
		rep.fail(CodeTooLarge, place{}, "the archive holds %d files, at most %d are read", len(z.File), maxFiles)
		return nil
	}
	a := &archive{report: rep, files: map[string]*zip.File{}, text: map[string][]byte{}, sums: map[string]string{}}
	a.index(z.File)
	if HasErrors(rep.findings) {
		return nil
	}
	slices.Sort(a.names)
	return a
}

// directoryBytes is how large the directory says that it is, before it is read into memory; above every bound where the archive
// is of the 64-bit form, which no package needs.
func directoryBytes(r io.ReaderAt, size int64) int64 {
	const endBytes, most = 22, 22 + 1<<16
	tail := make([]byte, min(size, most))
	if n, err := r.ReadAt(tail, size-int64(len(tail))); n < len(tail) && err != nil {
		return 0 // the archive reader says what is wrong
	}
	for i := len(tail) - endBytes; i >= 0; i-- {
		if bytes.HasPrefix(tail[i:], []byte("PK\x05\x06")) {
			return int64(binary.LittleEndian.Uint32(tail[i+12:]))
		}
	}
	return 0
}

// index takes the entries of the archive, or says what is wrong with them.
func (a *archive) index(entries []*zip.File) {
	total := uint64(0)
	folded := map[string]string{} // lower-case name to name
	for _, f := range entries {
		name, isDir := strings.CutSuffix(f.Name, "/")
		if problem := badName(name); problem != "" {
			a.fail(CodeArchive, place{}, "the name %s of an entry of the archive %s", quote(f.Name), problem)
			continue
		}
		at := place{file: name}
		if !isDir || f.Mode().IsRegular() && f.UncompressedSize64 > 0 {
			a.checkEntry(f, at)
		}
		if other, taken := folded[strings.ToLower(name)]; taken && (!isDir || other != name) {
			a.fail(CodeDuplicate, at, "the archive holds %s already; which of them counts depends on who unpacks it", quote(other))
			continue
		}
		folded[strings.ToLower(name)] = name
		if isDir {
			continue
		}
		total += min(f.UncompressedSize64, maxContentBytes+1)
		a.files[name] = f
		a.names = append(a.names, name)
	}
	if total > maxContentBytes {
		a.fail(CodeTooLarge, place{}, "the archive unpacks to more than %d bytes", maxContentBytes)
	}
	a.checkFolders()
}

// badName says what is wrong with the name of an entry; empty: nothing.
func badName(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxNameBytes:
		return "is too long"
	case !utf8.ValidString(name):
		return "is not UTF-8"
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' || c == ':' }):
		return "holds a character that a path within a package has not"
	case strings.HasPrefix(name, "/") || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return "leads out of the package or is not in its shortest form"
	}
	return ""
}

func (a *archive) checkEntry(f *zip.File, at place) {
	const encrypted = 1
	switch {
	case !f.Mode().IsRegular() && !f.Mode().IsDir():
		a.fail(CodeArchive, at, "it is a link or a device; a package holds files only")
	case f.Flags&encrypted != 0:
		a.fail(CodeArchive, at, "it is encrypted")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		a.fail(CodeArchive, at, "its compression method %d is not known; use deflate", f.Method)
	case f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/maxRatio > f.CompressedSize64:
		a.fail(CodeTooLarge, at, "it unpacks to more than %d times its size", maxRatio)
	}
}

// checkFolders refuses files that others treat as folders.
func (a *archive) checkFolders() {
	for name := range a.files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if a.files[dir] != nil {
				a.fail(CodeDuplicate, place{file: dir}, "it is a file, and a folder of %s", quote(name))
			}
		}
	}
}

// has tells whether the package holds a file.
func (a *archive) has(name string) bool {
	_, read := a.text[name]
	return read || a.files[name] != nil
}

// open gives the content of a file of the archive, which ends with an error when it is longer than it says.
func (a *archive) open(name string) (io.ReadCloser, error) { return a.files[name].Open() }

// read returns a file that is read as text; nil when it cannot be.
func (a *archive) read(name string) []byte {
	if text, done := a.text[name]; done {
		return text
	}
	text := a.unpack(name, maxTextBytes)
	a.text[name] = text
	return text
}

// unpack returns a file of at most so many bytes; nil when it cannot be read.
func (a *archive) unpack(name string, most int64) []byte {
	at := place{file: name}
	if a.files[name].UncompressedSize64 > uint64(most) {
		a.fail(CodeTooLarge, at, "it has %d bytes, at most %d are read", a.files[name].UncompressedSize64, most)
		return nil
	}
	rc, err := a.open(name)
	if err != nil {
		a.fail(CodeArchive, at, "it cannot be unpacked: %s", err)
		return nil
	}
	defer rc.Close()
	text, err := io.ReadAll(io.LimitReader(rc, most+1))
	if err != nil || int64(len(text)) > most {
		a.fail(CodeArchive, at, "it cannot be unpacked, or is longer than the archive says")
		return nil
	}
	return text
}
