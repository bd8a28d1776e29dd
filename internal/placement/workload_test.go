package placement_test

import (
	"testing"

	"ringfence/internal/placement"
)

func TestNFInstancesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]placement.NF{}
	for _, vnf := range []string{"v", "v/k", "v/", "/", "%", "v%2Fk", "v%252Fk", "v%", "v/k/k"} {
		for _, key := range []string{"", "k", "/k", "k/k", "2Fk", "%2Fk"} {
			nf := placement.NF{VNFInstanceID: vnf, InstanceKey: key}
			if other, ok := seen[nf.Instance()]; ok {
				t.Errorf("%+v and %+v are both %s", nf, other, nf.Instance())
			}
			seen[nf.Instance()] = nf
		}
	}
	if got := (placement.NF{VNFInstanceID: "upf-1", InstanceKey: "n4"}).Instance(); got != "upf-1/n4" {
		t.Errorf("the usual ids are not left as they are: %s", got)
	}
}
