package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	wire "ringfence/api/inventory"
	"ringfence/internal/auth"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

// The import takes bodies of any size, and documents take longer than other requests: the checks in front of the
// handlers make room for them.
const (
	importOperation = "importInventory"
	importPath      = "/inventory/v1/imports"
	exportPath      = "/inventory/v1/export"
)

// inventoryAPI answers the inventory API. Its nouns all behave alike, so the handlers say which noun and which key, and
// the noun does the rest.
type inventoryAPI struct {
	*Server
	nouns  *inventoryNouns
	format func() (*inventoryFormat, error) // of documents, made when it is first needed
}

// inventoryNouns are the collections of the API.
type inventoryNouns struct {
	trustDomains   noun[wire.TrustDomain, placement.TrustDomain]
	trustRelations noun[wire.TrustRelation, placement.TrustRelation]
	nfviPoPs       noun[wire.NFVIPoP, placement.NFVIPoP]
	resourceZones  noun[wire.ResourceZone, placement.ResourceZone]
	hostPools      noun[wire.HostPool, placement.HostPool]
	runtimeClasses noun[wire.RuntimeClass, placement.RuntimeClass]
	hosts          noun[wire.Host, placement.Host]
	images         noun[wire.Image, placement.Image]
	vnfProfiles    noun[wire.VNFProfile, placement.VNFProfile]
	residencies    noun[wire.Residency, placement.Residency]
	cacheEntries   noun[wire.CacheEntry, placement.CacheEntry]
}

func (s *Server) mountInventory(r chi.Router) {
	c := s.apis[openapi.NameInventory]
	nouns := newInventoryNouns(s)
	format := sync.OnceValues(func() (*inventoryFormat, error) { return newInventoryFormat(c.doc, nouns) })
	a := inventoryAPI{Server: s, nouns: nouns, format: format}
	wire.HandlerWithOptions(a, wire.ChiServerOptions{
		BaseRouter: s.with(r, c), ErrorHandlerFunc: s.badRequest, Middlewares: []wire.MiddlewareFunc{reasoned},
	})
}

func newInventoryNouns(s *Server) *inventoryNouns {
	inv := cmp.Or(s.Inventory, &inventory.Service{}) // a server without an inventory still has the routes
	return &inventoryNouns{
		trustDomains:   trustDomainNoun(s, &inv.TrustDomains),
		trustRelations: trustRelationNoun(s, &inv.TrustRelations),
		nfviPoPs:       nfviPoPNoun(s, &inv.NFVIPoPs),
		resourceZones:  resourceZoneNoun(s, &inv.ResourceZones),
		hostPools:      hostPoolNoun(s, &inv.HostPools),
		runtimeClasses: runtimeClassNoun(s, &inv.RuntimeClasses),
		hosts:          hostNoun(s, &inv.Hosts),
		images:         imageNoun(s, &inv.Images),
		vnfProfiles:    vnfProfileNoun(s, &inv.VNFProfiles),
		residencies:    residencyNoun(s, &inv.Residencies),
		cacheEntries:   cacheEntryNoun(s, &inv.CacheEntries),
	}
}

// GetAPIVersions lists the versions of the API.
func (a inventoryAPI) GetAPIVersions(w http.ResponseWriter, r *http.Request) {
	a.reply(w, r)(reply{status: http.StatusOK, body: a.apiVersions(r.Context(), openapi.NameInventory)}, nil)
}

// GetAPIVersionsOfV1 lists the versions of the API under its major version.
func (a inventoryAPI) GetAPIVersionsOfV1(w http.ResponseWriter, r *http.Request) {
	a.GetAPIVersions(w, r)
}

// reply is the answer to a request that succeeded.
type reply struct {
	status   int
	etag     string // empty: none of its own
	location string
	link     *string
	body     any // nil: none
}

// reply writes what a handler returns: the answer, or the problem that the error is.
func (s *Server) reply(w http.ResponseWriter, r *http.Request) func(reply, error) {
	return func(answer reply, err error) {
		if err != nil {
			s.writeProblem(w, r, recordProblem(err))
			return
		}
		for name, value := range map[string]string{"ETag": answer.etag, "Location": answer.location} {
			if value != "" {
				w.Header().Set(name, value)
			}
		}
		if answer.link != nil {
			w.Header().Set("Link", *answer.link)
		}
		if answer.body == nil {
			w.WriteHeader(answer.status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.status)
		if err := json.NewEncoder(w).Encode(answer.body); err != nil {
			s.log.DebugContext(r.Context(), "answer not delivered", "error", err.Error())
		}
	}
}

// recordProblem renders the faults of one resource as the contract has them: invalidParams with pointers into the body.
func recordProblem(err error) error {
	var e *placement.Error
	if !errors.As(err, &e) || e.Kind != placement.Invalid || len(e.Findings) == 0 {
		return err
	}
	p := newProblem(http.StatusUnprocessableEntity, e.Message)
	for i := range e.Findings {
		p.InvalidParams = append(p.InvalidParams, invalidParam{Pointer: e.Findings[i].Pointer, Reason: e.Findings[i].Message})
	}
	return p
}

// pointed gives a refusal of a body that names no place the only one that it can mean.
func pointed(err error, pointer string) error {
	var e *placement.Error
	if !errors.As(err, &e) || e.Kind != placement.Invalid || len(e.Findings) > 0 {
		return err
	}
	p := newProblem(http.StatusUnprocessableEntity, e.Message)
	p.InvalidParams = []invalidParam{{Pointer: pointer, Reason: e.Message}}
	return p
}

// noun is one collection of the inventory on the wire: how its resources are read, written, found and named. W is the
// wire's type, D the domain's.
type noun[W, D any] struct {
	server   *Server
	records  *inventory.Collection[D]
	path     string   // below /inventory/v1
	listName string   // in the inventory document
	schema   string   // in the contract
	keys     []string // the attributes that are the key, in its order
	kept     []string // the attributes that others set, which a write that leaves them out leaves as they are
	toWire   func(*D) W
	fromWire func(*W, *reading) D
}

// reading is what the conversion of something that was sent needs to know, and what it finds wrong with it.
type reading struct {
	now    time.Time // that ages count from
	faults []placement.Finding
	ageOK  bool // an age may stand for attestedAt: in documents
}

func (in *reading) fault(code, pointer, message string) {
	in.faults = append(in.faults, placement.Finding{Severity: "ERROR", Code: code, Pointer: pointer, Message: message})
}

// err is what is wrong with one resource; nil when nothing is.
func (in *reading) err() error {
	if len(in.faults) == 0 {
		return nil
	}
	return &placement.Error{Kind: placement.Invalid, Message: in.faults[0].Message, Findings: in.faults}
}

// list answers one page of the collection.
func (n *noun[W, D]) list(r *http.Request, filterText, marker string) (reply, error) {
	return listed(r, n.server, filterText, marker, source[D]{read: n.records.List, key: n.records.After}, n.toWire)
}

// listed answers one page of any list.
func listed[W, D any](r *http.Request, s *Server, filterText, marker string, src source[D], toWire func(*D) W) (reply, error) {
	entries, link, err := readPage(r.Context(), s, filterText, marker, src)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, link: link, body: mapped(entries, toWire)}, nil
}

// get answers one resource.
func (n *noun[W, D]) get(r *http.Request, key inventory.Key) (reply, error) {
	v, err := n.records.Get(r.Context(), key)
	if err != nil {
		return reply{}, err
	}
	return n.resource(&v), nil
}

func (n *noun[W, D]) resource(v *D) reply {
	return reply{status: http.StatusOK, etag: etag(n.records.Revision(v)), body: n.toWire(v)}
}

// put creates or replaces one resource.
func (n *noun[W, D]) put(r *http.Request, key inventory.Key, match, noneMatch string) (reply, error) {
	want, err := precondition(match, noneMatch)
	if err != nil {
		return reply{}, err
	}
	var w W
	if err := json.NewDecoder(r.Body).Decode(&w); err != nil {
		return reply{}, newProblem(http.StatusUnprocessableEntity, "the "+n.schema+" cannot be read: "+printable(err.Error()))
	}
	if match == anyTag {
		return changeExisting(func() (int64, error) {
			present, err := n.records.Get(r.Context(), key)
			return n.records.Revision(&present), err
		}, func(want *int64) (reply, error) { return n.putValue(r, key, &w, want) })
	}
	return n.putValue(r, key, &w, want)
}

// putValue creates or replaces one resource, whose wire form is there already.
func (n *noun[W, D]) putValue(r *http.Request, key inventory.Key, w *W, want *int64) (reply, error) {
	stored, created, err := n.store(r.Context(), key, w, want)
	if err != nil {
		return reply{}, err
	}
	answer := n.resource(&stored)
	if created {
		answer.status, answer.location = http.StatusCreated, n.location(r, key)
	}
	return answer, nil
}

// store converts and puts a resource under the key that the path names.
func (n *noun[W, D]) store(ctx context.Context, key inventory.Key, w *W, want *int64) (stored D, created bool, err error) {
	in := reading{now: n.server.Inventory.Now()}
	v := n.fromWire(w, &in)
	inBody := n.records.Key(&v)
	for i, name := range n.keys {
		if inBody[i] != key[i] {
			in.fault(inventory.CodeInvalid, "/"+name, "the "+name+" in the body is not the one in the path; a key cannot be changed")
		}
	}
	if err := in.err(); err != nil {
		return stored, false, err
	}
	return n.records.Put(ctx, auth.FromContext(ctx).ClientID, v, want)
}

// patch changes attributes of one resource.
func (n *noun[W, D]) patch(r *http.Request, key inventory.Key, match string) (reply, error) {
	want, err := ifMatch(match)
	if err != nil {
		return reply{}, err
	}
	var change json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		return reply{}, newProblem(http.StatusBadRequest, "the patch is not JSON: "+printable(err.Error()))
	}
	if want != nil {
		return n.patchOnce(r.Context(), key, want, change)
	}
	return untilUnmoved(func() (reply, error) { return n.patchOnce(r.Context(), key, nil, change) })
}

func (n *noun[W, D]) patchOnce(ctx context.Context, key inventory.Key, want *int64, change []byte) (reply, error) {
	present, err := n.records.Get(ctx, key)
	if err != nil {
		return reply{}, err
	}
	revision := n.records.Revision(&present)
	if want != nil && *want != revision {
		return reply{}, placement.Errorf(placement.PreconditionFailed, "the resource is at %s, not at %s: read it again", etag(revision), etag(*want))
	}
	before := n.toWire(&present)
	if err := removesKept(before, change, n.kept); err != nil {
		return reply{}, err
	}
	after, err := patched(n.server.apis[openapi.NameInventory], n.schema, before, change)
	if err != nil {
		return reply{}, err
	}
	stored, _, err := n.store(ctx, key, &after, &revision)
	if err != nil {
		return reply{}, err
	}
	return n.resource(&stored), nil
}

// remove deletes one resource.
func (n *noun[W, D]) remove(r *http.Request, key inventory.Key, match string) (reply, error) {
	want, err := ifMatch(match)
	if err != nil {
		return reply{}, err
	}
	if !seesLI(r.Context()) { // what the caller must not know of is not there
		if _, err := n.records.Get(r.Context(), key); err != nil {
			return reply{}, err
		}
	}
	if err := n.records.Delete(r.Context(), auth.FromContext(r.Context()).ClientID, key, want); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// location is the absolute URI of a resource.
func (n *noun[W, D]) location(r *http.Request, key inventory.Key) string {
	parts := []string{n.server.base(r), "inventory/v1", n.path}
	for i := range n.keys {
		parts = append(parts, url.PathEscape(key[i]))
	}
	return strings.Join(parts, "/")
}
