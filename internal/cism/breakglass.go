package cism

import (
	"fmt"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The annotations of a pod or a namespace that is exempt for a while, and why. Who may set them is a group of users.
const (
	annotationBreakGlass = "ringfence.io/break-glass"
	annotationUntil      = "ringfence.io/break-glass-until"
)

// BreakGlass says who may let pods start without a grant, and for how long at a time.
type BreakGlass struct {
	Group string // of the cluster's users; empty: nobody may
	For   time.Duration
}

// broken tells whether an object is exempt now, and why. Who set the annotations was checked when they were set.
func broken(meta *metav1.ObjectMeta, now time.Time) (reason string, is bool) {
	reason = meta.Annotations[annotationBreakGlass]
	until, err := time.Parse(time.RFC3339, meta.Annotations[annotationUntil])
	return reason, reason != "" && err == nil && now.Before(until)
}

// breakGlassFault says why a user may not set or change the annotations; empty: may, or does not.
func (b BreakGlass) breakGlassFault(before, after *metav1.ObjectMeta, user *authenticationv1.UserInfo, now time.Time) string {
	reason, until := after.Annotations[annotationBreakGlass], after.Annotations[annotationUntil]
	if reason == before.Annotations[annotationBreakGlass] && until == before.Annotations[annotationUntil] || reason == "" && until == "" {
		return ""
	}
	if b.Group == "" || !slices.Contains(user.Groups, b.Group) {
		who := "nobody is in this cluster"
		if b.Group != "" {
			who = fmt.Sprintf("members of the group %q are", b.Group)
		}
		return fmt.Sprintf("user %q is not allowed to break the glass (%s); %s: ask one of them", user.Username, annotationBreakGlass, who)
	}
	at, err := time.Parse(time.RFC3339, until)
	switch {
	case strings.TrimSpace(reason) == "":
		return fmt.Sprintf("the annotation %s says no reason: write why pods must start without a grant", annotationBreakGlass)
	case err != nil:
		return fmt.Sprintf("the annotation %s is %q: write until when, such as %s", annotationUntil, until, now.Add(b.For).UTC().Format(time.RFC3339))
	case at.After(now.Add(b.For)):
		return fmt.Sprintf("the annotation %s lies more than %s ahead: write %s or earlier", annotationUntil, b.For, now.Add(b.For).UTC().Format(time.RFC3339))
	}
	return ""
}
