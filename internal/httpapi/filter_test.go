package httpapi

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/sol013"
)

// part is what the filter tests filter.
type part struct {
	name, state string
	tags        []string
	weight      int64
	spare       bool
	made        time.Time
}

func partAttributes() filterable[part] {
	return filterable[part]{
		"name":       byText(func(p *part) string { return p.name }),
		"state":      byName(func(p *part) string { return p.state }),
		"tags":       byTexts(func(p *part) []string { return p.tags }),
		"weight":     byNumber(func(p *part) int64 { return p.weight }),
		"spare":      byFlag(func(p *part) bool { return p.spare }),
		"made/at":    byTime(func(p *part) time.Time { return p.made }),
		"odd,name@~": byText(func(p *part) string { return p.name }),
	}
}

func parts() []part {
	return []part{
		{name: "bolt", state: "NEW", tags: []string{"red", "green"}, weight: 100, made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{name: "it's (1,2)", state: "USED", tags: []string{"green", "blue"}, weight: 500, spare: true, made: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
		{name: "", state: "", weight: -3},
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter string
		want   []int // indices of parts
	}{
		{"", []int{0, 1, 2}},
		{"(eq,weight,100)", []int{0}},
		{"(eq,weight,1e2)", []int{0}},
		{"(neq,weight,100)", []int{1, 2}},
		{"(gt,weight,-3)", []int{0, 1}},
		{"(gte,weight,-3)", []int{0, 1, 2}},
		{"(lt,weight,100)", []int{2}},
		{"(lte,weight,100)", []int{0, 2}},
		{"(in,weight,100,500)", []int{0, 1}},
		{"(nin,weight,100,500)", []int{2}},
		{"(eq,tags,green)", []int{0, 1}},
		{"(eq,tags,red)", []int{0}},
		{"(eq,tags,green);(eq,tags,blue)", []int{1}},
		{"(neq,tags,green)", []int{0, 1}}, // another element differs
		{"(eq,name,'it''s (1,2)')", []int{1}},
		{"(in,name,'bolt','it''s (1,2)')", []int{0, 1}},
		{"(cont,name,ol,xx)", []int{0}},
		{"(ncont,name,ol,xx)", []int{1}}, // absent: never
		{"(gt,name,bolt)", []int{1}},
		{"(eq,state,NEW)", []int{0}},
		{"(neq,state,NEW)", []int{1}},
		{"(in,state,NEW,USED)", []int{0, 1}},
		{"(eq,spare,true)", []int{1}},
		{"(neq,spare,true)", []int{0, 2}},
		{"(gt,made/at,2026-03-01T00:00:00Z)", []int{1}},
		{"(lte,made/at,2026-01-02T04:04:05+01:00)", []int{0}},
		{"(eq,odd~aname~b~0,bolt)", []int{0}},
		{"(eq,weight,100);(eq,weight,500)", nil},
		{"(eq,name,null)", nil},
	} {
		f, err := partAttributes().parse(c.filter)
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		var got []int
		for i, p := range parts() {
			if f.matches(&p) {
				got = append(got, i)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.filter, diff)
		}
	}
}

// What a filter wants exactly is offered to the store; several values of one attribute are not.
func TestFilterOffersEquality(t *testing.T) {
	t.Parallel()
	f, err := partAttributes().parse("(eq,name,bolt);(eq,name,nut);(in,state,NEW);(neq,spare,true);(eq,weight,1)")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"name": "bolt", "weight": "1"}, f.equal); diff != "" {
		t.Error(diff)
	}
}

func TestFilterRefuses(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]string{
		"weight=1":                              "does not begin so",
		"(eq,weight,1":                          "closing parenthesis",
		"(eq,weight)":                           "no value",
		"(eq,weight,)":                          "value is missing",
		"(eq,weight,1)(eq,weight,2)":            "semicolon",
		"(eq,weight,1);":                        "semicolon",
		"(eq,weight,1);;(eq,weight,2)":          "does not begin so",
		"(eq,colour,red)":                       `"colour" in filter is not supported; supported are made/at, name`,
		"(EQ,weight,1)":                         `operator "EQ"`,
		"(like,name,a)":                         `operator "like"`,
		"(gt,state,NEW)":                        `operator "gt"`,
		"(eq,made/at,2026-01-01T00:00:00Z)":     `operator "eq"`,
		"(cont,weight,1)":                       `operator "cont"`,
		"(gt,spare,true)":                       `operator "gt"`,
		"(eq,weight,1,2)":                       "takes one value",
		"(eq,weight,many)":                      "not a number",
		"(eq,weight,'1','2')":                   "takes one value",
		"(eq,spare,yes)":                        "not true or false",
		"(eq,spare,null)":                       "not true or false",
		"(gt,made/at,yesterday)":                "RFC 3339",
		"(eq,name,'open)":                       "closing quote",
		"(eq,name,it's)":                        "closing parenthesis",
		"(eq,name,'a'b)":                        "comma or a closing parenthesis",
		"(eq,na~me,a)":                          "escapes",
		"(eq,name~,a)":                          "escapes",
		"(eq,name," + strings.Repeat("x", 5000): "closing parenthesis",
	} {
		_, err := partAttributes().parse(filter)
		var p *sol013.Fault
		if !errors.As(err, &p) {
			t.Errorf("%s: got %v, want a problem", filter, err)
			continue
		}
		if !strings.Contains(p.Reason, want) || p.Parameter != "filter" {
			t.Errorf("%s: got %q, want %q", filter, p.Reason, want)
		}
	}
}
