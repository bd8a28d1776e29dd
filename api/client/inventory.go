package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"ringfence/api/inventory"
)

const inventoryPath = "/inventory/v1"

// TrustDomains are the trust domains.
func (c *Client) TrustDomains() Collection[inventory.TrustDomain] {
	return Collection[inventory.TrustDomain]{c, inventoryPath + "/trust_domains"}
}

// TrustRelations are who trusts whom.
func (c *Client) TrustRelations() Collection[inventory.TrustRelation] {
	return Collection[inventory.TrustRelation]{c, inventoryPath + "/trust_relations"}
}

// NFVIPoPs are the NFVI-PoPs.
func (c *Client) NFVIPoPs() Collection[inventory.NFVIPoP] {
	return Collection[inventory.NFVIPoP]{c, inventoryPath + "/nfvi_pops"}
}

// ResourceZones are the resource zones.
func (c *Client) ResourceZones() Collection[inventory.ResourceZone] {
	return Collection[inventory.ResourceZone]{c, inventoryPath + "/resource_zones"}
}

// HostPools are the host pools.
func (c *Client) HostPools() Collection[inventory.HostPool] {
	return Collection[inventory.HostPool]{c, inventoryPath + "/host_pools"}
}

// RuntimeClasses are the runtime classes.
func (c *Client) RuntimeClasses() Collection[inventory.RuntimeClass] {
	return Collection[inventory.RuntimeClass]{c, inventoryPath + "/runtime_classes"}
}

// Hosts are the hosts.
func (c *Client) Hosts() Collection[inventory.Host] {
	return Collection[inventory.Host]{c, inventoryPath + "/hosts"}
}

// Images are the images.
func (c *Client) Images() Collection[inventory.Image] {
	return Collection[inventory.Image]{c, inventoryPath + "/images"}
}

// VNFProfiles are the VNF profiles.
func (c *Client) VNFProfiles() Collection[inventory.VNFProfile] {
	return Collection[inventory.VNFProfile]{c, inventoryPath + "/vnf_profiles"}
}

// Residencies are what runs or is reserved, where.
func (c *Client) Residencies() Collection[inventory.Residency] {
	return Collection[inventory.Residency]{c, inventoryPath + "/residencies"}
}

// CacheEntries are what lies in the caches of hosts.
func (c *Client) CacheEntries() Collection[inventory.CacheEntry] {
	return Collection[inventory.CacheEntry]{c, inventoryPath + "/cache_entries"}
}

// Attestations lists what was recorded of a host, newest first.
func (c *Client) Attestations(ctx context.Context, hostID string, query url.Values) iter.Seq2[inventory.AttestationRecord, error] {
	return List[inventory.AttestationRecord](ctx, c, hostPath(hostID, "attestations"), query)
}

// RecordAttestation records what a verifier found on a host.
func (c *Client) RecordAttestation(ctx context.Context, hostID string, report inventory.AttestationReport) (inventory.AttestationRecord, error) {
	return post[inventory.AttestationRecord](ctx, c, hostPath(hostID, "attestations"), report)
}

// ScrubRecords lists the cleanings of a host, newest first.
func (c *Client) ScrubRecords(ctx context.Context, hostID string, query url.Values) iter.Seq2[inventory.ScrubRecord, error] {
	return List[inventory.ScrubRecord](ctx, c, hostPath(hostID, "scrub_records"), query)
}

// RecordScrub adds the evidence that a host was cleaned. It may be sent several times: evidence that is there twice proves the same.
func (c *Client) RecordScrub(ctx context.Context, hostID string, report inventory.ScrubReport) (inventory.ScrubRecord, error) {
	var record inventory.ScrubRecord
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: hostPath(hostID, "scrub_records"), JSON: report, Idempotent: true}, &record)
	return record, err
}

// QuarantineHost takes a host out of use; UnquarantineHost ends that.
func (c *Client) QuarantineHost(ctx context.Context, hostID string, request inventory.QuarantineRequest) (inventory.Host, error) {
	return post[inventory.Host](ctx, c, hostPath(hostID, "quarantine"), request)
}

// UnquarantineHost takes a host into use again.
func (c *Client) UnquarantineHost(ctx context.Context, hostID string, request inventory.QuarantineRequest) (inventory.Host, error) {
	return post[inventory.Host](ctx, c, hostPath(hostID, "unquarantine"), request)
}

// ImportInventory writes many records at once, or none: content is an inventory as TypeJSON or TypeYAML. The answer tells the change
// that waits for a second person, if one must approve it.
func (c *Client) ImportInventory(ctx context.Context, contentType string, content []byte, w Write) (inventory.ImportResult, *Response, error) {
	var result inventory.ImportResult
	answer, err := c.Do(ctx, Request{
		Method: http.MethodPost, Path: inventoryPath + "/imports", Header: w.Header(), Content: content, ContentType: contentType, Patient: true,
	}, &result)
	return result, answer, err
}

// ExportInventory is all records, as TypeJSON or TypeYAML. The caller reads the body and closes it.
func (c *Client) ExportInventory(ctx context.Context, accept string) (*http.Response, error) {
	return c.Open(ctx, Request{Path: inventoryPath + "/export", Accept: accept})
}

// PendingChanges lists the changes that wait for a second person, or did.
func (c *Client) PendingChanges(ctx context.Context, query url.Values) iter.Seq2[inventory.PendingChange, error] {
	return List[inventory.PendingChange](ctx, c, inventoryPath+"/pending_changes", query)
}

// PendingChange reads a change.
func (c *Client) PendingChange(ctx context.Context, id string) (inventory.PendingChange, error) {
	return read[inventory.PendingChange](ctx, c, escaped(inventoryPath+"/pending_changes", id), nil)
}

// ApprovePendingChange puts somebody else's change in force; breakGlass is why one person alone does, and else empty.
func (c *Client) ApprovePendingChange(ctx context.Context, id, breakGlass string) (inventory.PendingChange, error) {
	var change inventory.PendingChange
	_, err := c.Do(ctx, Request{
		Method: http.MethodPost, Path: escaped(inventoryPath+"/pending_changes", id, "approve"),
		Header: Write{BreakGlass: breakGlass}.Header(), Patient: true,
	}, &change)
	return change, err
}

// RejectPendingChange ends a change.
func (c *Client) RejectPendingChange(ctx context.Context, id string, request inventory.RejectRequest) (inventory.PendingChange, error) {
	return post[inventory.PendingChange](ctx, c, escaped(inventoryPath+"/pending_changes", id, "reject"), request)
}

func hostPath(hostID, list string) string { return escaped(inventoryPath+"/hosts", hostID, list) }
