package sol013_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/sol013"
)

var selectable = sol013.Selectable{Optional: []string{"a", "a/b", "c", "d"}, LeftOut: []string{"c", "d"}}

// The combinations of SOL013, each with what the answer leaves out.
func TestSelectorsThatStandTogether(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][]string{
		"":                                  {"c", "d"},
		"all_fields":                        nil,
		"all_fields=":                       nil,
		"fields=a":                          {"c", "d"},
		"fields=a/b":                        {"c", "d"}, // a holds it
		"fields=c,d":                        {"a", "a/b"},
		"exclude_fields=a/b,c":              {"a/b", "c"},
		"exclude_default":                   {"c", "d"},
		"exclude_default&fields=c":          {"d"},
		"exclude_default&fields=c&fields=d": {},
		"fields=a,b&filter=x":               nil, // below: b is no attribute
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := selectable.Dropped(values)
		if query == "fields=a,b&filter=x" {
			if err == nil {
				t.Errorf("%s: %v", query, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// Of the sixteen ways to send the four selectors, six have a meaning; all others are faults.
func TestEverySelectorCombination(t *testing.T) {
	t.Parallel()
	parameters := []string{"all_fields", "fields=a", "exclude_fields=a", "exclude_default"}
	good := []string{"", "all_fields", "fields=a", "exclude_fields=a", "exclude_default", "fields=a&exclude_default"}
	for set := range 1 << len(parameters) {
		var given []string
		for i, p := range parameters {
			if set&(1<<i) != 0 {
				given = append(given, p)
			}
		}
		query := strings.Join(given, "&")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = selectable.Dropped(values)
		var fault *sol013.Fault
		if slices.Contains(good, query) != (err == nil) || err != nil && !errors.As(err, &fault) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

func TestSelectorsThatNameNothing(t *testing.T) {
	t.Parallel()
	for query, at := range map[string]int{
		"fields=e": 1, "exclude_fields=e": 1, "fields=": 1, "fields=a,": 3, "fields=a//b": 1, "exclude_fields=A": 1, "exclude_default&fields=e": 1, "fields=c,d,e": 5,
		"exclude_fields=a&exclude_fields=c,e": 3,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var fault *sol013.Fault
		if got, err := selectable.Dropped(values); !errors.As(err, &fault) || !strings.Contains(fault.Parameter, "fields") || fault.At != at {
			t.Errorf("%s: got %v, %v", query, got, err)
		}
	}
}

// FuzzSelectors: any query is understood or a fault; what is left out is there to be left out.
func FuzzSelectors(f *testing.F) {
	for _, seed := range []string{"fields=a", "exclude_default&fields=c,d", "all_fields", "exclude_fields=a/b", "fields=%00", "fields=a~1b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		dropped, err := selectable.Dropped(values)
		var fault *sol013.Fault
		if err != nil && (!errors.As(err, &fault) || len(dropped) > 0) {
			t.Fatalf("%q: %v, %v", query, dropped, err)
		}
		for _, path := range dropped {
			if !slices.Contains(selectable.Optional, path) {
				t.Fatalf("%q leaves out %q", query, path)
			}
		}
	})
}
