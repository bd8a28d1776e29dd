package httpapi

import (
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func cacheEntryNoun(s *Server, records *inventory.Collection[placement.CacheEntry]) noun[wire.CacheEntry, placement.CacheEntry] {
	return noun[wire.CacheEntry, placement.CacheEntry]{
		server: s, records: records, path: "cache_entries", listName: "cacheEntries", schema: "CacheEntry", keys: []string{"hostId", "digest"},
		toWire: cacheEntryToWire, fromWire: cacheEntryFromWire,
	}
}

func cacheEntryToWire(e *placement.CacheEntry) wire.CacheEntry {
	return wire.CacheEntry{
		HostID: e.HostID, Digest: e.Digest, Mode: wire.CacheMode(e.Mode.String()), TrustDomainID: e.TrustDomainID, ObservedAt: e.ObservedAt,
	}
}

// cacheEntryFromWire leaves it to the store when something was observed that does not say so.
func cacheEntryFromWire(w *wire.CacheEntry, in *reading) placement.CacheEntry {
	return placement.CacheEntry{
		HostID: w.HostID, Digest: w.Digest, Mode: in.cacheMode(w.Mode, "/mode"), TrustDomainID: w.TrustDomainID, ObservedAt: exactTime(w.ObservedAt),
	}
}

// ListCacheEntries answers a page of cache entries.
func (a inventoryAPI) ListCacheEntries(w http.ResponseWriter, r *http.Request, p wire.ListCacheEntriesParams) {
	a.reply(w, r)(a.nouns.cacheEntries.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetCacheEntry answers one cache entry.
func (a inventoryAPI) GetCacheEntry(w http.ResponseWriter, r *http.Request, hostID, digest string, _ wire.GetCacheEntryParams) {
	a.reply(w, r)(a.nouns.cacheEntries.get(r, inventory.Key{hostID, digest}))
}

// PutCacheEntry creates or replaces a cache entry.
func (a inventoryAPI) PutCacheEntry(w http.ResponseWriter, r *http.Request, hostID, digest string, p wire.PutCacheEntryParams) {
	a.reply(w, r)(a.nouns.cacheEntries.put(r, inventory.Key{hostID, digest}, p.IfMatch, p.IfNoneMatch))
}

// PatchCacheEntry changes attributes of a cache entry.
func (a inventoryAPI) PatchCacheEntry(w http.ResponseWriter, r *http.Request, hostID, digest string, p wire.PatchCacheEntryParams) {
	a.reply(w, r)(a.nouns.cacheEntries.patch(r, inventory.Key{hostID, digest}, p.IfMatch))
}

// DeleteCacheEntry deletes a cache entry.
func (a inventoryAPI) DeleteCacheEntry(w http.ResponseWriter, r *http.Request, hostID, digest string, p wire.DeleteCacheEntryParams) {
	a.reply(w, r)(a.nouns.cacheEntries.remove(r, inventory.Key{hostID, digest}, p.IfMatch))
}
