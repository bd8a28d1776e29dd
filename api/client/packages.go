package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"

	"ringfence/api/inventory"
	"ringfence/api/vnfpkgm"
)

const (
	vnfPackagesPath       = inventoryPath + "/vnf_packages"
	onboardedPackagesPath = "/vnfpkgm/v2/onboarded_vnf_packages"
)

// VNFPackages lists the VNF packages that were onboarded.
func (c *Client) VNFPackages(ctx context.Context, query url.Values) iter.Seq2[inventory.VNFPackage, error] {
	return List[inventory.VNFPackage](ctx, c, vnfPackagesPath, query)
}

// VNFPackage reads a package's record.
func (c *Client) VNFPackage(ctx context.Context, id string) (inventory.VNFPackage, error) {
	return read[inventory.VNFPackage](ctx, c, escaped(vnfPackagesPath, id), nil)
}

// OnboardVNFPackage sends a VNF package (SOL004) or a VNFD (SOL001), with its media type: application/zip, TypeYAML, or
// application/octet-stream for whichever it is.
func (c *Client) OnboardVNFPackage(ctx context.Context, contentType string, content io.Reader) (inventory.VNFPackage, error) {
	var onboarded inventory.VNFPackage
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: vnfPackagesPath, Stream: content, ContentType: contentType, Patient: true}, &onboarded)
	return onboarded, err
}

// VNFDDraft is the draft of a VNF profile that a package yields.
func (c *Client) VNFDDraft(ctx context.Context, id string) (inventory.VNFDDraft, error) {
	return read[inventory.VNFDDraft](ctx, c, escaped(vnfPackagesPath, id, "draft"), nil)
}

// CompleteVNFPackage makes a VNF profile of a draft, with what only the operator knows.
func (c *Client) CompleteVNFPackage(ctx context.Context, id string, completion inventory.VNFDCompletion, w Write) (inventory.VNFProfile, *Response, error) {
	var profile inventory.VNFProfile
	answer, err := c.Do(ctx, Request{Method: http.MethodPost, Path: escaped(vnfPackagesPath, id, "profile"), Header: w.Header(), JSON: completion}, &profile)
	return profile, answer, err
}

// DeleteVNFPackage removes a package.
func (c *Client) DeleteVNFPackage(ctx context.Context, id string) error {
	return c.remove(ctx, escaped(vnfPackagesPath, id))
}

// OnboardedVNFPackage reads a package as a VNFM sees it (SOL003).
func (c *Client) OnboardedVNFPackage(ctx context.Context, vnfdID string) (vnfpkgm.VNFPkgInfo, error) {
	return read[vnfpkgm.VNFPkgInfo](ctx, c, escaped(onboardedPackagesPath, vnfdID), nil)
}

// VNFD is the VNFD of a package, as application/zip or text/plain. The caller reads the body and closes it.
func (c *Client) VNFD(ctx context.Context, vnfdID, accept string) (*http.Response, error) {
	return c.Open(ctx, Request{Path: escaped(onboardedPackagesPath, vnfdID, "vnfd"), Accept: accept})
}

// PackageContent is the package itself; byteRange, such as "bytes=0-499", asks for a part of it, and empty for all. The caller reads
// the body and closes it.
func (c *Client) PackageContent(ctx context.Context, vnfdID, byteRange string) (*http.Response, error) {
	r := Request{Path: escaped(onboardedPackagesPath, vnfdID, "package_content"), Accept: "application/zip", Header: http.Header{}}
	if byteRange != "" {
		r.Header.Set("Range", byteRange)
	}
	return c.Open(ctx, r)
}
