package httpapi

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// accepted refuses an answer in a media type that the client does not want (RFC 9110, Accept).
func accepted(r *http.Request, mediaTypes ...string) error {
	header := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return nil
	}
	for part := range strings.SplitSeq(header, ",") {
		wanted, params, err := mime.ParseMediaType(part)
		if q, bad := strconv.ParseFloat(params["q"], 64); err != nil || bad == nil && q == 0 {
			continue
		}
		for _, offered := range mediaTypes {
			if inRange(offered, wanted) {
				return nil
			}
		}
	}
	return newProblem(http.StatusNotAcceptable, fmt.Sprintf("Accept allows none of the media types of this answer: %s", strings.Join(mediaTypes, ", ")))
}

// inRange tells whether a media type belongs to a media range such as application/*.
func inRange(mediaType, mediaRange string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	group, all := strings.CutSuffix(mediaRange, "/*")
	return mediaRange == "*/*" || mediaRange == mediaType || all && strings.HasPrefix(mediaType, group+"/")
}

// producedBy lists the media types of an operation's successes; none for one whose successes have no body.
func producedBy(op *openapi3.Operation) []string {
	var types []string
	for status, response := range op.Responses.Map() {
		if strings.HasPrefix(status, "2") {
			for name := range response.Value.Content {
				types = append(types, name)
			}
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}
