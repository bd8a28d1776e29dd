package httpapi

import (
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func hostPoolNoun(s *Server, records *inventory.Collection[placement.HostPool]) noun[wire.HostPool, placement.HostPool] {
	return noun[wire.HostPool, placement.HostPool]{
		server: s, records: records, path: "host_pools", listName: "hostPools", schema: "HostPool", keys: []string{"id"},
		toWire: hostPoolToWire, fromWire: hostPoolFromWire,
	}
}

func hostPoolToWire(p *placement.HostPool) wire.HostPool {
	return wire.HostPool{ID: p.ID, AllowedTrustDomainIDs: p.AllowedTrustDomainIDs, FabricDigests: p.FabricDigests}
}

func hostPoolFromWire(w *wire.HostPool, _ *reading) placement.HostPool {
	return placement.HostPool{ID: w.ID, AllowedTrustDomainIDs: orNil(w.AllowedTrustDomainIDs), FabricDigests: orNil(w.FabricDigests)}
}

func runtimeClassNoun(s *Server, records *inventory.Collection[placement.RuntimeClass]) noun[wire.RuntimeClass, placement.RuntimeClass] {
	return noun[wire.RuntimeClass, placement.RuntimeClass]{
		server: s, records: records, path: "runtime_classes", listName: "runtimeClasses", schema: "RuntimeClass", keys: []string{"name"},
		toWire: runtimeClassToWire, fromWire: runtimeClassFromWire,
	}
}

func runtimeClassToWire(c *placement.RuntimeClass) wire.RuntimeClass {
	return wire.RuntimeClass{Name: c.Name, Isolation: isolationToWire(c.Isolation), Overhead: wire.Dimensions(c.Overhead)}
}

func runtimeClassFromWire(w *wire.RuntimeClass, in *reading) placement.RuntimeClass {
	return placement.RuntimeClass{Name: w.Name, Isolation: in.isolation(w.Isolation, "/isolation"), Overhead: amounts(w.Overhead)}
}

// ListHostPools answers a page of host pools.
func (a inventoryAPI) ListHostPools(w http.ResponseWriter, r *http.Request, p wire.ListHostPoolsParams) {
	a.reply(w, r)(a.nouns.hostPools.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetHostPool answers one host pool.
func (a inventoryAPI) GetHostPool(w http.ResponseWriter, r *http.Request, hostPoolID string, _ wire.GetHostPoolParams) {
	a.reply(w, r)(a.nouns.hostPools.get(r, inventory.ID(hostPoolID)))
}

// PutHostPool creates or replaces a host pool.
func (a inventoryAPI) PutHostPool(w http.ResponseWriter, r *http.Request, hostPoolID string, p wire.PutHostPoolParams) {
	a.reply(w, r)(a.nouns.hostPools.put(r, inventory.ID(hostPoolID), p.IfMatch, p.IfNoneMatch))
}

// PatchHostPool changes attributes of a host pool.
func (a inventoryAPI) PatchHostPool(w http.ResponseWriter, r *http.Request, hostPoolID string, p wire.PatchHostPoolParams) {
	a.reply(w, r)(a.nouns.hostPools.patch(r, inventory.ID(hostPoolID), p.IfMatch))
}

// DeleteHostPool deletes a host pool.
func (a inventoryAPI) DeleteHostPool(w http.ResponseWriter, r *http.Request, hostPoolID string, p wire.DeleteHostPoolParams) {
	a.reply(w, r)(a.nouns.hostPools.remove(r, inventory.ID(hostPoolID), p.IfMatch))
}

// ListRuntimeClasses answers a page of runtime classes.
func (a inventoryAPI) ListRuntimeClasses(w http.ResponseWriter, r *http.Request, p wire.ListRuntimeClassesParams) {
	a.reply(w, r)(a.nouns.runtimeClasses.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetRuntimeClass answers one runtime class.
func (a inventoryAPI) GetRuntimeClass(w http.ResponseWriter, r *http.Request, name string, _ wire.GetRuntimeClassParams) {
	a.reply(w, r)(a.nouns.runtimeClasses.get(r, inventory.ID(name)))
}

// PutRuntimeClass creates or replaces a runtime class.
func (a inventoryAPI) PutRuntimeClass(w http.ResponseWriter, r *http.Request, name string, p wire.PutRuntimeClassParams) {
	a.reply(w, r)(a.nouns.runtimeClasses.put(r, inventory.ID(name), p.IfMatch, p.IfNoneMatch))
}

// PatchRuntimeClass changes attributes of a runtime class.
func (a inventoryAPI) PatchRuntimeClass(w http.ResponseWriter, r *http.Request, name string, p wire.PatchRuntimeClassParams) {
	a.reply(w, r)(a.nouns.runtimeClasses.patch(r, inventory.ID(name), p.IfMatch))
}

// DeleteRuntimeClass deletes a runtime class.
func (a inventoryAPI) DeleteRuntimeClass(w http.ResponseWriter, r *http.Request, name string, p wire.DeleteRuntimeClassParams) {
	a.reply(w, r)(a.nouns.runtimeClasses.remove(r, inventory.ID(name), p.IfMatch))
}
