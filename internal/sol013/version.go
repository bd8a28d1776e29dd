package sol013

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// VersionHeader is the header that Negotiate reads.
const VersionHeader = "Version"

// ErrVersionNotOffered is what Negotiate returns, wrapped, for a version that is well-formed and not offered.
var ErrVersionNotOffered = errors.New("version not offered")

// version is a version identifier: MAJOR.MINOR.PATCH, and a suffix that names an implementation.
var version = regexp.MustCompile(`^((?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8}))\.(?:0|[1-9][0-9]{0,8})(?:-impl:[!-~]+)?$`)

// MajorMinor returns the part of a version identifier that decides what is spoken, MAJOR.MINOR.
func MajorMinor(text string) (string, bool) {
	m := version.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Negotiate picks the version of an answer from those that are offered, ascending. Values are the Version headers of the request;
// without one the first version is taken. PATCH and the name of an implementation make no difference. More than one header, or a
// malformed one, is a *Fault; a version that is not offered is ErrVersionNotOffered.
func Negotiate(values, offered []string) (string, error) {
	if len(values) == 0 {
		return offered[0], nil
	}
	wanted, ok := MajorMinor(strings.Trim(values[0], " \t"))
	switch {
	case len(values) > 1:
		return "", &Fault{Parameter: VersionHeader, Reason: "a request has one Version header"}
	case !ok:
		return "", &Fault{Parameter: VersionHeader, Reason: "the Version header is not of the form MAJOR.MINOR.PATCH, with -impl:... behind it or not: " + shown(values[0])}
	}
	for _, version := range slices.Backward(offered) {
		if has, _ := MajorMinor(version); has == wanted {
			return version, nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrVersionNotOffered, shown(values[0]))
}
