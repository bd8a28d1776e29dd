package sol013_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/sol013"
)

var offered = []string{"1.3.0", "1.4.0", "1.12.0", "1.12.1"}

func TestNegotiate(t *testing.T) {
	t.Parallel()
	const malformed, unsupported = "malformed", "unsupported"
	for asked, want := range map[string]string{
		"1.3.0":                            "1.3.0",
		"1.4.0":                            "1.4.0",
		"1.4.9":                            "1.4.0",
		"1.12.0":                           "1.12.1",
		" 1.4.0 ":                          "1.4.0",
		"1.4.0-impl:example.com:pp:1":      "1.4.0",
		"1.4.0-impl:example.com:pp:1:2:ab": "1.4.0",
		"1.1.0":                            unsupported,
		"2.0.0":                            unsupported,
		"1.40.0":                           unsupported,
		"0.0.0":                            unsupported,
		"":                                 malformed,
		"1":                                malformed,
		"1.4":                              malformed,
		"1.4.0.0":                          malformed,
		"v1.4.0":                           malformed,
		"1.4.x":                            malformed,
		"1.04.0":                           malformed,
		"-1.4.0":                           malformed,
		"1.4.0-impl":                       malformed,
		"1.4.0-impl:":                      malformed,
		"1.4.0-beta":                       malformed,
		"1.4.0-impl:a b":                   malformed,
		"1.4.0, 1.3.0":                     malformed,
		"1.4.0\n":                          malformed,
		"1.4.9999999999":                   malformed,
		"١.4.0":                            malformed,
	} {
		got, err := sol013.Negotiate([]string{asked}, offered)
		var fault *sol013.Fault
		switch {
		case errors.As(err, &fault):
			got = malformed
		case errors.Is(err, sol013.ErrVersionNotOffered):
			got = unsupported
		}
		if got != want {
			t.Errorf("%q: %s, %v; want %s", asked, got, err, want)
		}
	}
	if got, err := sol013.Negotiate(nil, offered); got != "1.3.0" || err != nil {
		t.Errorf("without a header: %s, %v", got, err)
	}
	var fault *sol013.Fault
	if _, err := sol013.Negotiate([]string{"1.4.0", "1.4.0"}, offered); !errors.As(err, &fault) {
		t.Errorf("two headers: %v", err)
	}
}

// FuzzVersion: any header is one of the offered versions, a fault, or not offered.
func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"1.4.0", "1.4.0-impl:example.com:pp:1", "", "1.4", "9.9.9", "1.4.0-impl:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		got, err := sol013.Negotiate([]string{asked}, offered)
		var fault *sol013.Fault
		switch {
		case err == nil && (!slices.Contains(offered, got) || !strings.HasPrefix(strings.Trim(asked, " \t"), got[:strings.LastIndexByte(got, '.')]+".")):
			t.Fatalf("%q: %s", asked, got)
		case err != nil && !errors.As(err, &fault) && !errors.Is(err, sol013.ErrVersionNotOffered):
			t.Fatalf("%q: %v", asked, err)
		}
	})
}
