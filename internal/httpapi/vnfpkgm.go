package httpapi

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"ringfence/api/common"
	wire "ringfence/api/vnfpkgm"
	"ringfence/internal/packages"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

const (
	typeZIP  = "application/zip"
	typeText = "text/plain"
)

// vnfpkgmAPI hands VNF packages out to VNFMs that ask their NFVO for them (SOL003, VNF package management).
type vnfpkgmAPI struct{ *Server }

func (s *Server) mountVNFPkgM(r chi.Router) {
	wire.HandlerWithOptions(vnfpkgmAPI{s}, wire.ChiServerOptions{BaseRouter: s.with(r, s.apis[openapi.NameVNFPkgM]), ErrorHandlerFunc: s.badRequest})
}

// carriesPackage tells whether an answer is the content of a package, which takes as long as it takes.
func carriesPackage(r *http.Request) bool {
	return strings.HasSuffix(pathPattern(r), "/package_content") || strings.HasSuffix(pathPattern(r), "/{vnfdId}/vnfd")
}

// GetAPIVersions lists the versions of the API.
func (a vnfpkgmAPI) GetAPIVersions(w http.ResponseWriter, r *http.Request) {
	a.reply(w, r)(reply{status: http.StatusOK, body: a.apiVersions(r.Context(), openapi.NameVNFPkgM)}, nil)
}

// GetAPIVersionsOfV2 lists the versions of the API under its major version.
func (a vnfpkgmAPI) GetAPIVersionsOfV2(w http.ResponseWriter, r *http.Request) {
	a.GetAPIVersions(w, r)
}

// GetOnboardedVNFPackage answers what is known of the package of a VNFD.
func (a vnfpkgmAPI) GetOnboardedVNFPackage(w http.ResponseWriter, r *http.Request, vnfdID string, _ wire.GetOnboardedVNFPackageParams) {
	p, err := a.Packages.Of(r.Context(), vnfdID)
	if err != nil {
		a.reply(w, r)(reply{}, err)
		return
	}
	info, err := a.vnfPkgInfo(r, &p)
	a.reply(w, r)(reply{status: http.StatusOK, body: info}, err)
}

func (a vnfpkgmAPI) vnfPkgInfo(r *http.Request, p *placement.VNFPackage) (wire.VNFPkgInfo, error) {
	draft, _, err := packages.Draft(p)
	if err != nil {
		return wire.VNFPkgInfo{}, err
	}
	self := a.base(r) + "/vnfpkgm/v2/onboarded_vnf_packages/" + url.PathEscape(p.VNFDID)
	info := wire.VNFPkgInfo{
		ID: p.ID, VNFDID: p.VNFDID, VNFProvider: p.Provider, VNFProductName: p.ProductName, VNFSoftwareVersion: p.SoftwareVersion, VNFDVersion: p.VNFDVersion,
		Checksum: wire.Checksum{Algorithm: "SHA-256", Hash: p.SHA256}, PackageSecurityOption: wire.VNFPkgInfoPackageSecurityOptionOPTION1,
		OnboardingState: wire.VNFPkgInfoOnboardingStateONBOARDED, OperationalState: wire.VNFPkgInfoOperationalStateENABLED,
		UsageState: wire.VNFPkgInfoUsageStateNOTINUSE, VNFMInfo: append([]string{}, draft.VNFMInfo...),
		Links: wire.VNFPkgInfoLinks{
			Self: common.Link{Href: self}, VNFD: common.Link{Href: self + "/vnfd"}, PackageContent: common.Link{Href: self + "/package_content"},
		},
	}
	if p.InUse {
		info.UsageState = wire.VNFPkgInfoUsageStateINUSE
	}
	return info, nil
}

// GetVNFD answers the VNFD of a package: as an archive of its files, or as the one file that it is.
func (a vnfpkgmAPI) GetVNFD(w http.ResponseWriter, r *http.Request, vnfdID string, _ wire.GetVNFDParams) {
	if err := a.vnfd(w, r, vnfdID); err != nil {
		a.writeProblem(w, r, err)
	}
}

func (a vnfpkgmAPI) vnfd(w http.ResponseWriter, r *http.Request, vnfdID string) error {
	p, err := a.Packages.Of(r.Context(), vnfdID)
	if err != nil {
		return err
	}
	files, err := a.Packages.Descriptor(r.Context(), &p)
	if err != nil {
		return err
	}
	if accepted(r, typeZIP) != nil && accepted(r, typeText) == nil {
		if len(files) != 1 {
			return newProblem(http.StatusNotAcceptable, "the VNFD has several files: accept "+typeZIP)
		}
		w.Header().Set("Content-Type", typeText)
		_, err := w.Write(files[0].Content)
		return err
	}
	content, size, err := packages.Archived(files)
	if err != nil {
		return err
	}
	return a.send(w, r, content, size, http.StatusOK)
}

// GetPackageContent answers a package, or the part of it that is asked for.
func (a vnfpkgmAPI) GetPackageContent(w http.ResponseWriter, r *http.Request, vnfdID string, _ wire.GetPackageContentParams) {
	if err := a.packageContent(w, r, vnfdID); err != nil {
		a.writeProblem(w, r, err)
	}
}

func (a vnfpkgmAPI) packageContent(w http.ResponseWriter, r *http.Request, vnfdID string) error {
	p, err := a.Packages.Of(r.Context(), vnfdID)
	if err != nil {
		return err
	}
	content, size, err := a.Packages.Package(r.Context(), &p)
	if err != nil {
		return err
	}
	w.Header().Set("Accept-Ranges", "bytes")
	first, last, status := wanted(r.Header.Get("Range"), size)
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		return newProblem(status, "the package has "+strconv.FormatInt(size, 10)+" bytes; ask for a range within it").
			withHeader("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
	case http.StatusPartialContent:
		w.Header().Set("Content-Range", "bytes "+strconv.FormatInt(first, 10)+"-"+strconv.FormatInt(last, 10)+"/"+strconv.FormatInt(size, 10))
	}
	if _, err := content.Seek(first, io.SeekStart); err != nil {
		return err
	}
	return a.send(w, r, io.LimitReader(content, last-first+1), last-first+1, status)
}

// send writes so many bytes of an archive. What breaks off afterwards breaks the connection: the length was said.
func (a vnfpkgmAPI) send(w http.ResponseWriter, r *http.Request, content io.Reader, size int64, status int) error {
	w.Header().Set("Content-Type", typeZIP)
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	n, err := io.Copy(w, content)
	if err == nil && n < size {
		err = errors.New("content ended too early")
	}
	if err != nil {
		a.log.DebugContext(r.Context(), "VNF package not delivered", "error", err.Error())
		panic(http.ErrAbortHandler)
	}
	return nil
}

var rangeForm = regexp.MustCompile(`^bytes=([0-9]{0,18})-([0-9]{0,18})$`)

// wanted is the part of so many bytes that a Range header asks for. One range is answered; a header that says something else is
// ignored, as RFC 9110 allows.
func wanted(header string, size int64) (first, last int64, status int) {
	m := rangeForm.FindStringSubmatch(strings.TrimSpace(header))
	if m == nil || m[1] == "" && m[2] == "" {
		return 0, size - 1, http.StatusOK
	}
	from, _ := strconv.ParseInt(m[1], 10, 64)
	to, _ := strconv.ParseInt(m[2], 10, 64)
	switch {
	case m[1] == "": // the last bytes
		from, to = max(0, size-to), size-1
		if m[2] == "0" || size == 0 {
			return 0, 0, http.StatusRequestedRangeNotSatisfiable
		}
	case m[2] == "" || to >= size:
		to = size - 1
	case to < from:
		return 0, size - 1, http.StatusOK
	}
	if from >= size {
		return 0, 0, http.StatusRequestedRangeNotSatisfiable
	}
	return from, to, http.StatusPartialContent
}
