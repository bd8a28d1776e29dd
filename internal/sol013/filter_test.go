package sol013_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

func TestParseFilter(t *testing.T) {
	t.Parallel()
	type condition = placement.Condition
	for text, want := range map[string][]condition{
		"":                {},
		"(eq,weight,100)": {{Operator: "eq", Path: []string{"weight"}, Values: []string{"100"}}},
		"(eq,parts/color,green);(neq,parts/id,3)": {
			{Operator: "eq", Path: []string{"parts", "color"}, Values: []string{"green"}},
			{Operator: "neq", Path: []string{"parts", "id"}, Values: []string{"3"}, At: 23},
		},
		"(eq,mymap/@key,abc123)":            {{Operator: "eq", Path: []string{"mymap"}, OfKey: true, Values: []string{"abc123"}}},
		"(eq,mymap/~bkey,x)":                {{Operator: "eq", Path: []string{"mymap", "@key"}, Values: []string{"x"}}},
		"(eq,labels/example.com~1role,x)":   {{Operator: "eq", Path: []string{"labels", "example.com/role"}, Values: []string{"x"}}},
		"(eq,a~0~1~a~bb,x)":                 {{Operator: "eq", Path: []string{"a~/,@b"}, Values: []string{"x"}}},
		"(eq,labels/a@b,x)":                 {{Operator: "eq", Path: []string{"labels", "a@b"}, Values: []string{"x"}}},
		"(in,name,a,'b,c','it''s (1)','')":  {{Operator: "in", Path: []string{"name"}, Values: []string{"a", "b,c", "it's (1)", ""}}},
		"(cont,name, x ,;)":                 {{Operator: "cont", Path: []string{"name"}, Values: []string{" x ", ";"}}},
		"(gt,made/at,2026-03-01T00:00:00Z)": {{Operator: "gt", Path: []string{"made", "at"}, Values: []string{"2026-03-01T00:00:00Z"}}},
		"(ncont,a,'');(eq,b,'''')":          {{Operator: "ncont", Path: []string{"a"}, Values: []string{""}}, {Operator: "eq", Path: []string{"b"}, Values: []string{"'"}, At: 13}},
		"(eq,a/b/c,(d)":                     {{Operator: "eq", Path: []string{"a", "b", "c"}, Values: []string{"(d"}}},
	} {
		got, err := sol013.ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, append([]condition{}, got...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"weight=1":                     "does not begin so",
		"(eq,weight,1":                 "closing parenthesis",
		"(eq,weight)":                  "no value",
		"(eq)":                         "no value",
		"(eq,weight,)":                 "value is missing",
		"(eq,weight,1)(eq,weight,2)":   "semicolon",
		"(eq,weight,1);":               "semicolon",
		"(eq,weight,1);;(eq,weight,2)": "does not begin so",
		"(EQ,weight,1)":                `operator "EQ"`,
		"(like,name,a)":                `operator "like"`,
		"(,name,a)":                    `operator ""`,
		"(eq,weight,1,2)":              "takes one value",
		"(eq,weight,'1','2')":          "takes one value",
		"(gt,weight,1,2)":              "takes one value",
		"(eq,name,'open)":              "closing quote",
		"(eq,name,it's)":               "closing parenthesis",
		"(eq,name,'a'b)":               "comma or a closing parenthesis",
		"(eq,na~me,a)":                 "escapes",
		"(eq,name~,a)":                 "escapes",
		"(eq,name~2,a)":                "escapes",
		"(eq,,a)":                      "empty name",
		"(eq,a//b,a)":                  "empty name",
		"(eq,a/,a)":                    "empty name",
		"(eq,/a,a)":                    "empty name",
		"(eq,@key,a)":                  "@key can stand",
		"(eq,a/@key/b,a)":              "@key can stand",
		"(eq,a/@other,a)":              "@key can stand",
		"(eq,a,\x00)":                  "U+0000",
		"(eq,a,\xff)":                  "UTF-8",
		strings.Repeat("(eq,a,b);", 64) + "(eq,a,b)": "at most 64",
		"(eq,name," + strings.Repeat("x", 5000):      "closing parenthesis",
	} {
		got, err := sol013.ParseFilter(text)
		var fault *sol013.Fault
		if !errors.As(err, &fault) {
			t.Errorf("%.40s: got %v, %v; want a fault", text, got, err)
			continue
		}
		if !strings.Contains(fault.Reason, want) || fault.Parameter != "filter" || fault.At < 1 || fault.At > len(text)+1 || len(fault.Reason) > 400 {
			t.Errorf("%.40s: got %+v, want %q", text, fault, want)
		}
	}
	if _, err := sol013.ParseFilter(strings.Repeat("(eq,a,b);", 63) + "(eq,a,b)"); err != nil {
		t.Errorf("64 expressions: %v", err)
	}
}

// The table of operators by kind of SOL013.
func TestOperators(t *testing.T) {
	t.Parallel()
	for kind, want := range map[sol013.Kind]string{
		sol013.String:   "eq neq in nin gt gte lt lte cont ncont",
		sol013.Number:   "eq neq in nin gt gte lt lte",
		sol013.DateTime: "gt gte lt lte",
		sol013.Enum:     "eq neq in nin",
		sol013.Boolean:  "eq neq",
		sol013.Duration: "eq neq in nin gt gte lt lte",
	} {
		var got []string
		for _, op := range kind.Operators() {
			got = append(got, string(op))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("kind %d: %s", kind, diff)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"0": true, "-1": true, "1.5": true, "1e2": true, "-0.5E-3": true, "1e999": true, "9007199254740993": true,
		"": false, "01": false, "+1": false, "1.": false, ".5": false, "0x1": false, "NaN": false, "Infinity": false, "1e9999": false, "1 ": false, "null": false,
	} {
		if got, err := sol013.ParseNumber(value); (err == nil) != good || err == nil && got != value {
			t.Errorf("number %q: %v, %v", value, got, err)
		}
	}
	for value, good := range map[string]bool{"true": true, "false": true, "": false, "True": false, "1": false, "null": false, "yes": false} {
		if _, err := sol013.ParseBoolean(value); (err == nil) != good {
			t.Errorf("boolean %q: %v", value, err)
		}
	}
	for value, good := range map[string]bool{
		"2026-03-01T00:00:00Z": true, "2026-03-01T01:00:00.5+01:00": true, "2026-03-01": false, "yesterday": false, "2026-13-01T00:00:00Z": false,
	} {
		if _, err := sol013.ParseDateTime(value); (err == nil) != good {
			t.Errorf("time %q: %v", value, err)
		}
	}
	for value, good := range map[string]bool{"24h": true, "90s": true, "1h30m": true, "0": true, "": false, "1": false, "1 day": false} {
		if _, err := sol013.ParseDuration(value); (err == nil) != good {
			t.Errorf("duration %q: %v", value, err)
		}
	}
}

// rendered writes conditions as a filter in one of the ways in which it can be written.
func rendered(conditions []placement.Condition) string {
	parts := make([]string, len(conditions))
	for i, c := range conditions {
		names := make([]string, 0, len(c.Path)+1)
		for _, name := range c.Path {
			names = append(names, sol013.EscapeName(name))
		}
		if c.OfKey {
			names = append(names, "@key")
		}
		fields := []string{string(c.Operator), strings.Join(names, "/")}
		for _, v := range c.Values {
			fields = append(fields, "'"+strings.ReplaceAll(v, "'", "''")+"'")
		}
		parts[i] = "(" + strings.Join(fields, ",") + ")"
	}
	return strings.Join(parts, ";")
}

// FuzzFilter: any text is understood or a fault with a place, and what was understood, written anew, is understood as the same.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"", "(eq,weight,100);(gt,weight,1)", "(in,name,'it''s',b)", "(cont,tags,'a,b')", "(gt,made/at,2026-03-01T00:00:00Z)",
		"(eq,odd~aname~b~0,'')", "((((", "(eq,name,'')')", "(eq,weight,1e999)", "(ncont,name,\x00)", "(eq,labels/@key,a)", "(eq,labels/~bkey,a)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := sol013.ParseFilter(text)
		if err != nil {
			var fault *sol013.Fault
			if !errors.As(err, &fault) || fault.At < 1 || fault.At > len(text)+1 || fault.Reason == "" {
				t.Fatalf("%q: %v is no fault with a place", text, err)
			}
			return
		}
		second, err := sol013.ParseFilter(rendered(first))
		if err != nil {
			t.Fatalf("%q, as %q: %v", text, rendered(first), err)
		}
		for i := range first {
			first[i].At, second[i].At = 0, 0
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("%q, as %q: %s", text, rendered(first), diff)
		}
	})
}
