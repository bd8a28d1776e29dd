package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"ringfence/internal/placement"
)

// etag renders a revision as an entity tag.
func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

// contentTag names a representation by its bytes, where there is no revision.
func contentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// anyTag is an If-Match header that every representation fits, as long as there is one.
const anyTag = "*"

// ifMatch reads the If-Match header of a change of what is there: the revision that the resource must have, nil when any will do.
func ifMatch(header string) (*int64, error) {
	if header == "" || header == anyTag {
		return nil, nil //nolint:nilnil // no condition is no error
	}
	if strings.Contains(header, ",") {
		return nil, newProblem(http.StatusBadRequest, "If-Match takes one entity tag here, or *: send the ETag of the representation that is to be changed")
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
// must not exist, nil when there is no condition. That If-Match is anyTag is left to changeExisting.
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

// maxAttempts is how often a change without a revision of its own is made anew of what others have changed meanwhile.
const maxAttempts = 10

// untilUnmoved makes a change of what was read for it, and anew where somebody else was faster.
func untilUnmoved[T any](change func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		done, err := change()
		switch {
		case placement.KindOf(err) != placement.PreconditionFailed:
			return done, err
		case attempt == maxAttempts:
			return done, placement.Wrap(placement.Unavailable, err, "too many changes of the resource at the same time: try again")
		}
	}
}

// changeExisting is a PUT with the If-Match header anyTag: it replaces the resource at whichever revision it has, and makes none.
func changeExisting[T any](revision func() (int64, error), put func(want *int64) (T, error)) (T, error) {
	return untilUnmoved(func() (none T, err error) {
		present, err := revision()
		switch {
		case placement.KindOf(err) == placement.NotFound:
			return none, newProblem(http.StatusPreconditionFailed, "there is no such resource, and If-Match: * asks for one; leave it out to create it")
		case err != nil:
			return none, err
		}
		return put(&present)
	})
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
