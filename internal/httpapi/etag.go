package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// etag renders a revision as an entity tag.
func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

// contentTag names a representation by its bytes, where there is no revision.
func contentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// ifMatch reads the If-Match header of a change: the revision that the resource must have, nil when any will do.
func ifMatch(header string) (*int64, error) {
	if header == "" {
		return nil, nil //nolint:nilnil // no condition is no error
	}
	if header == "*" || strings.Contains(header, ",") {
		return nil, newProblem(http.StatusBadRequest, "If-Match takes one entity tag here: send the ETag of the representation that is to be changed")
	}
	text, ok := strings.CutPrefix(header, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	revision, err := strconv.ParseInt(text, 10, 64)
	if !ok || !closed || err != nil || revision < 1 || etag(revision) != header {
		return nil, newProblem(http.StatusPreconditionFailed, "the entity tag "+printable(header)+" is none of this resource; read it again")
	}
	return &revision, nil
}

// precondition reads If-Match and If-None-Match of a PUT: the revision that the resource must have, 0 when it
// must not exist, nil when there is no condition.
func precondition(match, noneMatch string) (*int64, error) {
	switch {
	case noneMatch == "":
		return ifMatch(match)
	case match != "":
		return nil, newProblem(http.StatusBadRequest, "If-Match and If-None-Match exclude each other")
	case noneMatch != "*":
		return nil, newProblem(http.StatusBadRequest, "If-None-Match of a PUT can only be *, which means: create")
	}
	return new(int64), nil
}

// hasTag tells whether an If-None-Match header names the tag (RFC 9110, weak comparison).
func hasTag(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
