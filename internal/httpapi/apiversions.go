package httpapi

import (
	"context"

	"ringfence/api/common"
)

// apiVersions says which versions of an API are offered (SOL013, API versions).
func (s *Server) apiVersions(ctx context.Context, name string) common.APIVersionInformation {
	info := common.APIVersionInformation{URIPrefix: s.base(requestOf(ctx)) + "/" + name + "/v1/"}
	for _, v := range s.apis[name].versions {
		info.APIVersions = append(info.APIVersions, common.APIVersion{Version: v})
	}
	return info
}
