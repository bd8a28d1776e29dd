package vnfd

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"path"
	"regexp"
	"strings"
)

const metadataFile = "TOSCA-Metadata/TOSCA.meta"

// listed is what a metadata file or manifest says of one file.
type listed struct {
	at        place
	source    string
	algorithm string
	hash      string
	signed    bool
	manifest  bool // it is the manifest that says so, and not the metadata
}

// entryDefinitions finds the descriptor of a CSAR and checks the files that its metadata and manifest list. Empty: there is none.
func (a *archive) entryDefinitions() string {
	if !a.has(metadataFile) {
		return a.rootDefinitions()
	}
	head, blocks := a.blocks(metadataFile)
	a.listed = append(a.listed, blocks...)
	if head == nil {
		return ""
	}
	at := place{file: metadataFile, line: 1}
	entry := head["entry-definitions"]
	if entry == "" {
		a.fail(CodeMetadata, at, "Entry-Definitions is missing: nothing says which file is the descriptor")
		return ""
	}
	if !a.has(entry) {
		a.fail(CodeMetadata, at, "Entry-Definitions names %s, which the package does not hold", quote(entry))
		return ""
	}
	manifest := head["etsi-entry-manifest"]
	if manifest != "" && !a.has(manifest) {
		a.fail(CodeManifest, at, "ETSI-Entry-Manifest names %s, which the package does not hold", quote(manifest))
		return entry
	}
	if manifest == "" {
		manifest = a.manifestAtRoot("")
	}
	a.takeManifest(manifest)
	return entry
}

// rootDefinitions is the descriptor of a CSAR without a metadata folder: the one YAML file at its root.
func (a *archive) rootDefinitions() string {
	var found []string
	for _, name := range a.names {
		if ext := path.Ext(name); path.Dir(name) == "." && (ext == ".yaml" || ext == ".yml") {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		a.fail(CodeMetadata, place{}, "the package has neither %s nor exactly one YAML file at its root, but %d: nothing says which is the descriptor", metadataFile, len(found))
		return ""
	}
	a.takeManifest(a.manifestAtRoot(strings.TrimSuffix(found[0], path.Ext(found[0]))))
	return found[0]
}

// manifestAtRoot finds the manifest that lies beside the descriptor: of its name, if a name is given.
func (a *archive) manifestAtRoot(stem string) string {
	for _, name := range a.names {
		if path.Dir(name) == "." && path.Ext(name) == ".mf" && (stem == "" || name == stem+".mf") {
			return name
		}
	}
	return ""
}

// takeManifest takes what the manifest lists, and says what it does not list.
func (a *archive) takeManifest(name string) {
	if name == "" {
		a.warn(CodeManifest, place{}, "the package has no manifest: nothing says that its files are those of the provider")
		return
	}
	_, blocks := a.blocks(name)
	covered := map[string]bool{name: true, metadataFile: true}
	for i := range blocks {
		b := &blocks[i]
		covered[b.source] = true
		b.manifest = true
		if b.signed {
			a.warn(CodeSignature, b.at, "%s is signed; the signature is not verified here", quote(b.source))
		}
	}
	a.listed = append(a.listed, blocks...)
	for _, file := range a.names {
		if ext := path.Ext(file); !covered[file] && ext != ".cert" && ext != ".cms" {
			a.warn(CodeNotInManifest, place{file: file}, "the manifest %s does not list it", quote(name))
		}
	}
}

// blocks reads a file of names and values: the first block, and what the others say of files. Names are in lower case.
func (a *archive) blocks(name string) (head map[string]string, files []listed) {
	text := a.read(name)
	if text == nil {
		return nil, nil
	}
	head = map[string]string{}
	current := &listed{}
	for n, line := range strings.Split(string(text), "\n") {
		at := place{file: name, line: n + 1, column: 1}
		line = strings.TrimRight(line, " \t\r")
		if strings.HasPrefix(line, "-----BEGIN ") {
			a.warn(CodeSignature, at, "the manifest is signed; the signature is not verified here")
			break
		}
		key, text, found := strings.Cut(strings.TrimSpace(line), ":")
		key, text = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(text)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !found:
			a.warn(CodeMetadata, at, "%s is no name and value", quote(line))
		case key == "name" || key == "source":
			files = append(files, listed{at: at, source: text})
			current = &files[len(files)-1]
		case key == "algorithm":
			current.algorithm = text
		case key == "hash":
			current.hash = text
		case key == "signature":
			current.signed = true
		case len(files) == 0:
			head[key] = text
		}
	}
	return head, files
}

// verify holds the files of the package against what its manifest and metadata list. The manifest is what the provider vouches
// with (SOL004): a file that is not as it says refuses the package. Lists in the metadata, which others write, do so for files
// that the draft was made from.
func (a *archive) verify() {
	for i := range a.listed {
		l := &a.listed[i]
		severity := SeverityWarning
		if _, read := a.text[l.source]; read || l.manifest {
			severity = SeverityError
		}
		switch {
		case strings.Contains(l.source, "://"):
			a.warn(CodeManifest, l.at, "%s is not in the package; it is not read", quote(l.source))
		case !a.has(l.source):
			a.add(severity, CodeManifest, l.at, "the package does not hold %s", quote(l.source))
		case l.hash == "":
			a.add(severity, CodeManifest, l.at, "%s is listed without a hash", quote(l.source))
		default:
			a.checkHash(severity, l.source, l.algorithm, l.hash, l.at)
		}
	}
}

// hashOf makes the hash that a name means, as SOL001 and SOL004 write it; nil: none that is known.
func hashOf(algorithm string) hash.Hash {
	switch strings.ReplaceAll(strings.ToLower(algorithm), "-", "") {
	case "sha224":
		return sha256.New224()
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

var hexForm = regexp.MustCompile(`^[0-9a-fA-F]+$`)

// checkHash compares a file of the package with a hash that something else says of it.
func (a *archive) checkHash(severity Severity, name, algorithm, want string, at place) {
	h := hashOf(algorithm)
	if h == nil {
		a.add(severity, CodeManifest, at, "the algorithm %s of the hash of %s is not known; SHA-224, SHA-256, SHA-384 and SHA-512 are", quote(algorithm), quote(name))
		return
	}
	if !hexForm.MatchString(want) || len(want) != 2*h.Size() {
		a.add(severity, CodeHashMismatch, at, "the hash of %s is no %s: %s", quote(name), algorithm, quote(want))
		return
	}
	if got, ok := a.sum(name, strings.ReplaceAll(strings.ToLower(algorithm), "-", ""), h); ok && !strings.EqualFold(got, want) {
		a.add(severity, CodeHashMismatch, at, "%s has the %s %s, not %s: it was changed after that was written", quote(name), algorithm, got, strings.ToLower(want))
	}
}

// sum hashes a file of the package, once per algorithm however often it is listed.
func (a *archive) sum(name, algorithm string, h hash.Hash) (string, bool) {
	key := algorithm + " " + name
	if known, done := a.sums[key]; done {
		return known, known != ""
	}
	a.sums[key] = ""
	rc, err := a.open(name)
	if err == nil {
		defer rc.Close()
		_, err = io.Copy(h, io.LimitReader(rc, int64(min(a.files[name].UncompressedSize64, maxContentBytes))+1))
	}
	if err != nil {
		a.fail(CodeArchive, place{file: name}, "it cannot be unpacked: %s", err)
		return "", false
	}
	a.sums[key] = hex.EncodeToString(h.Sum(nil))
	return a.sums[key], true
}
