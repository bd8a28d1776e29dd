package httpapi

import (
	"context"

	"ringfence/api/common"
	"ringfence/openapi"
)

// apiVersions says which versions of an API are offered (SOL013, API versions).
func (s *Server) apiVersions(ctx context.Context, name string) common.APIVersionInformation {
	info := common.APIVersionInformation{URIPrefix: s.base(requestOf(ctx)) + "/" + name + "/" + openapi.MajorVersion(name) + "/"}
	for _, v := range s.apis[name].versions {
		info.APIVersions = append(info.APIVersions, common.APIVersion{Version: v})
	}
	return info
}
