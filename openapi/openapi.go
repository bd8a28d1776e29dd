// Package openapi is the contract of ringfence: one hand-written OpenAPI 3.0.3 document per API and
// the components they share, embedded as they stand in this folder. It loads and checks them; the
// wire types and server interfaces under api/ are generated from the same files by
//
//	go generate ./openapi
//
// It must not know any handler, and nothing in it may change a document after it was loaded: the
// same value serves the request validation, the response validation of the tests and the console.
package openapi

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// The names of the APIs, which are also their {apiName} in URIs (SOL013) and the names of their
// documents without ".yaml".
const (
	NameGrant      = "grant"
	NameNFVPolicy  = "nfvpolicy"
	NameInventory  = "inventory"
	NamePlacement  = "placement"
	NameDirectives = "directives"
	NameVNFPkgM    = "vnfpkgm"
)

// ErrUnknown is what Load, Raw and JSON return, wrapped, for a name that no API has.
var ErrUnknown = errors.New("no such API")

//go:embed *.yaml
var files embed.FS

// Names lists the APIs in the order in which a newcomer should meet them.
func Names() []string {
	return []string{NameGrant, NameNFVPolicy, NameInventory, NamePlacement, NameDirectives, NameVNFPkgM}
}

// Grant returns the document of VNF lifecycle operation granting, SOL003.
func Grant() (*openapi3.T, error) { return Load(NameGrant) }

// NFVPolicy returns the document of policy management, SOL012.
func NFVPolicy() (*openapi3.T, error) { return Load(NameNFVPolicy) }

// Inventory returns the document of the inventory API.
func Inventory() (*openapi3.T, error) { return Load(NameInventory) }

// Placement returns the document of the placement API.
func Placement() (*openapi3.T, error) { return Load(NamePlacement) }

// Directives returns the document of the directives API.
func Directives() (*openapi3.T, error) { return Load(NameDirectives) }

// VNFPkgM returns the document of the slice of VNF package management, SOL003.
func VNFPkgM() (*openapi3.T, error) { return Load(NameVNFPkgM) }

// MajorVersion is the major version of the named API, as its URIs have it.
func MajorVersion(name string) string {
	if name == NameVNFPkgM {
		return "v2"
	}
	return "v1"
}

// Load returns the document of the named API with all references resolved. It is read and validated,
// its examples included, at the first call; every caller gets the same value and must not change it.
func Load(name string) (*openapi3.T, error) {
	if !slices.Contains(Names(), name) {
		return nil, unknown(name)
	}
	return loadOnce(name)
}

// Raw returns the YAML of the named API's document, byte for byte as it was written. It still refers
// to common.yaml; JSON has everything in one piece.
func Raw(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, unknown(name)
	}
	return files.ReadFile(fileName(name))
}

// JSON returns the named API's document as JSON that refers to no other file, as consoles and client
// generators want it. A component of common.yaml keeps its name, one of another API's document is named
// after it, as inventory.CacheMode. It is made anew at every call, so callers keep it.
func JSON(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, unknown(name)
	}
	// A copy of its own, because moving the components in changes the document.
	doc, err := read(newLoader(), name)
	if err != nil {
		return nil, err
	}
	for _, scheme := range doc.Components.SecuritySchemes {
		scheme.Ref = "" // it has the name of what it refers to, so it would end up referring to itself
	}
	doc.InternalizeRefs(context.Background(), internalName)
	data, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", fileName(name), err)
	}
	return data, nil
}

func internalName(_ *openapi3.T, ref openapi3.ComponentRef) string {
	file, name := path.Base(ref.RefPath().Path), path.Base(ref.RefPath().Fragment)
	if file == "common.yaml" {
		return name
	}
	return strings.TrimSuffix(file, ".yaml") + "." + name
}

// loaded is every document that was asked for, read once: loading is too slow to repeat, and the parts of the process
// that need a document do not know each other. One loader reads them all, so that what documents share is read once too.
var loaded = struct {
	sync.Mutex
	loader    *openapi3.Loader
	documents map[string]*openapi3.T
}{loader: newLoader(), documents: map[string]*openapi3.T{}}

func loadOnce(name string) (*openapi3.T, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if doc := loaded.documents[name]; doc != nil {
		return doc, nil
	}
	doc, err := read(loaded.loader, name)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("%s is not a valid OpenAPI document: %w", fileName(name), err)
	}
	loaded.documents[name] = doc
	return doc, nil
}

// newLoader makes a loader for documents whose references lead only to files beside them.
func newLoader() *openapi3.Loader {
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, uri *url.URL) ([]byte, error) {
		if uri.Scheme != "" || uri.Host != "" {
			return nil, fmt.Errorf("reference to %s: the documents refer only to each other", uri)
		}
		return files.ReadFile(path.Base(uri.Path))
	}
	return loader
}

// read parses a document and resolves its references.
func read(loader *openapi3.Loader, name string) (*openapi3.T, error) {
	doc, err := loader.LoadFromURI(&url.URL{Path: fileName(name)})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", fileName(name), err)
	}
	return doc, nil
}

func fileName(name string) string { return name + ".yaml" }

func unknown(name string) error {
	return fmt.Errorf("%w: %q; there are %v", ErrUnknown, name, slices.Sorted(slices.Values(Names())))
}
