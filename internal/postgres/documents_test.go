package postgres

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// fill sets every field below v to a value that is not zero, so that a round trip which forgets one is seen, also when
// the field is added later.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32: // levels and sets: 1 is a value of each
		v.SetUint(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.SetString("key")
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 23, 10, 0, *n, 0, time.UTC)))
			return
		}
		for _, field := range v.Fields() {
			fill(field, n)
		}
	default:
		panic("no value for a " + v.Kind().String())
	}
}

func filled[T any]() (t T) {
	n := 0
	fill(reflect.ValueOf(&t).Elem(), &n)
	return t
}

// through encodes a document and decodes it, as the database does.
func through[D any](t *testing.T, d D) (out D) {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStoredDecisionsKeepEveryField(t *testing.T) {
	t.Parallel()
	in := filled[placement.Inputs]()
	inDoc := through(t, inputsToDoc(&in))
	gotIn, err := inputsFromDoc(&inDoc)
	if diff := cmp.Diff(in, gotIn); err != nil || diff != "" {
		t.Errorf("inputs: %v\n%s", err, diff)
	}
	plan := filled[placement.Plan]()
	planText := through(t, planToDoc(&plan))
	gotPlan, err := planFromDoc(&planText)
	if diff := cmp.Diff(&plan, gotPlan); err != nil || diff != "" {
		t.Errorf("plan: %v\n%s", err, diff)
	}
	why := filled[placement.Explanation]()
	whyText := through(t, explanationToDoc(&why))
	gotWhy, err := explanationFromDoc(&whyText)
	if diff := cmp.Diff(why, gotWhy); err != nil || diff != "" {
		t.Errorf("explanation: %v\n%s", err, diff)
	}
	granted := filled[placement.GrantedPlacement]()
	gotGranted, err := grantedPlacementFromDoc(through(t, grantedPlacementToDoc(granted)))
	if diff := cmp.Diff(granted, gotGranted); err != nil || diff != "" {
		t.Errorf("granted placement: %v\n%s", err, diff)
	}
}

func TestStoredDirectivesKeepEveryField(t *testing.T) {
	t.Parallel()
	all := filled[placement.Directive]()
	bodies := map[placement.DirectiveKind]placement.Directive{
		placement.DirectivePlace:        {Place: all.Place},
		placement.DirectiveRelease:      {Release: all.Release},
		placement.DirectiveCache:        {Cache: all.Cache},
		placement.DirectivePurge:        {Purge: all.Purge},
		placement.DirectiveScrub:        {Scrub: all.Scrub},
		placement.DirectiveQuarantine:   {Quarantine: all.Quarantine},
		placement.DirectiveUnquarantine: {Quarantine: all.Quarantine},
	}
	for kind, want := range bodies {
		want.Kind = kind
		body, residencyID, err := directiveBody(&want)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if workload := want.Place != nil || want.Release != nil; workload != (residencyID != "") {
			t.Errorf("%s is about residency %q", kind, residencyID)
		}
		got := placement.Directive{Kind: kind}
		if err := setDirectiveBody(&got, body); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if _, _, err := directiveBody(&placement.Directive{Kind: kind}); err == nil {
			t.Errorf("%s without a body was accepted", kind)
		}
	}
	if err := setDirectiveBody(&placement.Directive{Kind: "OTHER"}, []byte(`{}`)); err == nil {
		t.Error("a directive of an unknown kind was read")
	}
}

// The names in stored documents are for ever: what an older release has stored must be read by this one. New members may
// be added to testdata/stored_decision.json; those that are there stay.
func TestStoredNamesStay(t *testing.T) {
	t.Parallel()
	in, plan, why := filled[placement.Inputs](), filled[placement.Plan](), filled[placement.Explanation]()
	place, cache := filled[placement.PlaceDirective](), filled[placement.CacheDirective]()
	got := through[any](t, map[string]any{
		"inputs": inputsToDoc(&in), "plan": planToDoc(&plan), "explanation": explanationToDoc(&why),
		"granted": grantedPlacementToDoc(filled[placement.GrantedPlacement]()), "place": placeToDoc(&place), "cache": cacheToDoc(&cache),
	})
	text, err := os.ReadFile("testdata/stored_decision.json")
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if lost := missing("", want, got); len(lost) > 0 {
		t.Errorf("an older release has stored what this one does not read: %q", lost)
	}
}

// missing lists the members of a document that another one does not have in the same form.
func missing(path string, want, got any) (lost []string) {
	switch want := want.(type) {
	case map[string]any:
		object, _ := got.(map[string]any)
		for name, member := range want {
			lost = append(lost, missing(path+"/"+name, member, object[name])...)
		}
	case []any:
		list, _ := got.([]any)
		if len(list) == 0 {
			return []string{path}
		}
		lost = missing(path+"/0", want[0], list[0])
	default:
		if reflect.TypeOf(want) != reflect.TypeOf(got) {
			lost = []string{path}
		}
	}
	return lost
}
