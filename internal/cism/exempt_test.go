package cism

import (
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An allow-list that could mean more than it says is refused.
func TestClusterFiles(t *testing.T) {
	t.Parallel()
	sum := "sha256:" + strings.Repeat("0", 64)
	for name, tc := range map[string]struct{ text, want string }{
		"empty":             {"", ""},
		"all of it":         {"fabric: [{namespace: n, serviceAccounts: [a], images: ['" + sum + "']}]\ndebugImages: ['" + sum + "']\ndevices: {x/y: SRIOV}", ""},
		"an unknown key":    {"fabrik: []", "fabrik"},
		"no namespace":      {"fabric: [{serviceAccounts: [a], images: ['" + sum + "']}]", "needs a namespace"},
		"no account":        {"fabric: [{namespace: n, images: ['" + sum + "']}]", "serviceAccounts"},
		"no image":          {"fabric: [{namespace: n, serviceAccounts: [a]}]", "images"},
		"a tag":             {"fabric: [{namespace: n, serviceAccounts: [a], images: ['cni:1']}]", "is no digest"},
		"a debug tag":       {"debugImages: [busybox]", "is no digest"},
		"an unknown device": {"devices: {x/y: MAGIC}", "no cut-through"},
	} {
		_, err := ParseCluster([]byte(tc.text))
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want ...%s...", name, err, tc.want)
		}
	}
}

func TestBreakGlass(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	meta := func(reason, until string) *metav1.ObjectMeta {
		m := &metav1.ObjectMeta{Annotations: map[string]string{}}
		if reason != "" {
			m.Annotations[annotationBreakGlass] = reason
		}
		if until != "" {
			m.Annotations[annotationUntil] = until
		}
		return m
	}
	member, outcast := &authenticationv1.UserInfo{Username: "m", Groups: []string{"g"}}, &authenticationv1.UserInfo{Username: "o"}
	for name, tc := range map[string]struct {
		before, after *metav1.ObjectMeta
		user          *authenticationv1.UserInfo
		want          string // empty: allowed
		broken        bool
	}{
		"a member":               {meta("", ""), meta("why", "2026-11-23T13:00:00Z"), member, "", true},
		"an outcast":             {meta("", ""), meta("why", "2026-11-23T13:00:00Z"), outcast, "not allowed", true},
		"an outcast's delay":     {meta("why", "2026-11-23T13:00:00Z"), meta("why", "2026-11-23T13:30:00Z"), outcast, "not allowed", true},
		"an outcast elsewhere":   {meta("why", "2026-11-23T13:00:00Z"), meta("why", "2026-11-23T13:00:00Z"), outcast, "", true},
		"an outcast mends":       {meta("why", "2026-11-23T13:00:00Z"), meta("", ""), outcast, "", false},
		"no reason":              {meta("", ""), meta("", "2026-11-23T13:00:00Z"), member, "says no reason", false},
		"blank reason":           {meta("", ""), meta(" ", "2026-11-23T13:00:00Z"), member, "says no reason", true},
		"no end":                 {meta("", ""), meta("why", ""), member, "write until when", false},
		"an end that is no time": {meta("", ""), meta("why", "tomorrow"), member, "write until when", false},
		"too long":               {meta("", ""), meta("why", "2026-11-23T16:00:01Z"), member, "more than 4h0m0s ahead", true},
		"over":                   {meta("", ""), meta("why", "2026-11-23T12:00:00Z"), member, "", false},
	} {
		b := BreakGlass{Group: "g", For: 4 * time.Hour}
		if got := b.breakGlassFault(tc.before, tc.after, tc.user, now); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want ...%s...", name, got, tc.want)
		}
		if _, is := broken(tc.after, now); is != tc.broken {
			t.Errorf("%s: broken is %v", name, is)
		}
	}
	if fault := (BreakGlass{For: time.Hour}).breakGlassFault(meta("", ""), meta("why", "2026-11-23T12:30:00Z"), member, now); !strings.Contains(fault, "nobody is") {
		t.Errorf("without a group: %q", fault)
	}
}
