package sol013_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"ringfence/internal/sol013"
)

var (
	issued  = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	markers = sol013.NewMarkers(bytes.Repeat([]byte{7}, 32))
	bound   = []string{"client-a", "/inventory/v1/hosts", "(eq,lifecycle,IN_SERVICE)"}
)

func TestMarkers(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"h1", "", "TD-A:TD-B", "ключ", strings.Repeat("x", 2000), "a\x00b"} {
		marker := markers.Issue(issued, entry, bound...)
		got, err := markers.Open(issued.Add(sol013.MarkerLife), marker, bound...)
		if err != nil || got != entry {
			t.Errorf("%.20q: %.20q, %v", entry, got, err)
		}
	}
	if got, err := markers.Open(issued, "", bound...); got != "" || err != nil {
		t.Errorf("no marker: %q, %v", got, err)
	}
}

func TestMarkersThatAreRefused(t *testing.T) {
	t.Parallel()
	good := markers.Issue(issued, "h1", bound...)
	other := sol013.NewMarkers(bytes.Repeat([]byte{8}, 32)).Issue(issued, "h1", bound...)
	for what, c := range map[string]struct {
		marker string
		now    time.Time
		bound  []string
	}{
		"another client":       {good, issued, []string{"client-b", bound[1], bound[2]}},
		"another list":         {good, issued, []string{bound[0], "/inventory/v1/images", bound[2]}},
		"another filter":       {good, issued, []string{bound[0], bound[1], ""}},
		"parts shifted":        {good, issued, []string{bound[0] + bound[1], "", bound[2]}},
		"a part less":          {good, issued, bound[:2]},
		"another key":          {other, issued, bound},
		"too old":              {good, issued.Add(sol013.MarkerLife + time.Second), bound},
		"not base64":           {good + "!", issued, bound},
		"with padding":         {good + "=", issued, bound},
		"short":                {good[:20], issued, bound},
		"of the old form":      {base64.RawURLEncoding.EncodeToString([]byte("sixbytesh1 and more behind it")), issued, bound},
		"longer":               {good + "AAAA", issued, bound},
		"only the name of one": {"x", issued, bound},
		"with a line feed":     {good[:4] + "\n" + good[4:], issued, bound},
	} {
		var fault *sol013.Fault
		if got, err := markers.Open(c.now, c.marker, c.bound...); !errors.As(err, &fault) || fault.Parameter != "nextpage_opaque_marker" || got != "" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

// No single bit of a marker can be changed.
func TestMarkersAreAuthenticated(t *testing.T) {
	t.Parallel()
	raw, err := base64.RawURLEncoding.DecodeString(markers.Issue(issued, "h1", bound...))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		changed := bytes.Clone(raw)
		changed[bit/8] ^= 1 << (bit % 8)
		if got, err := markers.Open(issued, base64.RawURLEncoding.EncodeToString(changed), bound...); err == nil {
			t.Errorf("bit %d: %q", bit, got)
		}
	}
}

// FuzzMarker: nothing but what was issued is opened.
func FuzzMarker(f *testing.F) {
	good := markers.Issue(issued, "h1", bound...)
	for _, seed := range []string{good, good[1:], "", "x", strings.ToLower(good), good + "A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, marker string) {
		entry, err := markers.Open(issued, marker, bound...)
		var fault *sol013.Fault
		if err != nil && !errors.As(err, &fault) || err == nil && marker != "" && (marker != good || entry != "h1") {
			t.Fatalf("%q: %q, %v", marker, entry, err)
		}
	})
}
