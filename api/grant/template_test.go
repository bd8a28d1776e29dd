package grant_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/api/grant"
)

func TestResourceTemplateID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     grant.ResourceTemplateID
		out      string
		wantErr  bool
	}{
		{name: "string of 3.x clients", in: `"sig"`, want: grant.ResourceTemplateID{"sig"}, out: `["sig"]`},
		{name: "array of 4.x clients", in: `["sig","proxy"]`, want: grant.ResourceTemplateID{"sig", "proxy"}, out: `["sig","proxy"]`},
		{name: "null", in: `null`, out: `null`},
		{name: "number", in: `7`, wantErr: true},
		{name: "array of numbers", in: `[7]`, wantErr: true},
		{name: "object", in: `{}`, wantErr: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got grant.ResourceTemplateID
			err := json.Unmarshal([]byte(c.in), &got)
			if (err != nil) != c.wantErr {
				t.Fatalf("error %v, want one: %v", err, c.wantErr)
			}
			if c.wantErr {
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			out, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != c.out {
				t.Errorf("wrote %s, want %s", out, c.out)
			}
		})
	}
}

func TestResourceDefinitionWithoutTemplate(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(grant.ResourceDefinition{ID: "r1", Type: grant.ResourceDefinitionTypeCOMPUTE})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"r1","type":"COMPUTE"}`; string(out) != want {
		t.Errorf("wrote %s, want %s", out, want)
	}
}
