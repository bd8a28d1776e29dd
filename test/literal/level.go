package literal

import (
	"strconv"
	"strings"

	"ringfence/internal/placement"
)

// level is what a runtime counts for a workload on a host: a runtime below a version counts as a lower level.
func (w *World) level(h *placement.Host, wl *placement.Workload, runtime string) placement.Isolation {
	level := w.Catalogue.RuntimeClasses[runtime].Isolation
	for i := range w.Policies {
		p := &w.Policies[i]
		for j := range p.Document.Rules {
			r := &p.Document.Rules[j]
			if r.Kind != "demote-isolation" || r.Mode == "audit" || r.Strength == "SHOULD" || r.text("runtime", "") != runtime ||
				!p.applies(wl.NF.VNFInstanceID) || !w.picks(r.Subject, wl, wl.Roles.Names()) || !w.picksHost(r.Host, h) {
				continue
			}
			counts := isolation(r.text("level", ""))
			if counts < level && older(h.RuntimeVersions[runtime], r.text("belowVersion", "")) {
				level = counts
			}
		}
	}
	return level
}

// older compares versions of three numbers, of which a candidate for a release is older than the release; what is none is older.
func older(version, than string) bool {
	a, ok := age(version)
	b, _ := age(than)
	return !ok || a < b
}

func age(version string) (n int, ok bool) {
	release, candidate := strings.CutSuffix(version, "-rc1")
	parts := strings.Split(release, ".")
	if len(parts) != 3 {
		return 0, false
	}
	for _, p := range parts {
		x, err := strconv.Atoi(p)
		if err != nil {
			return 0, false
		}
		n = n*1000 + x
	}
	n *= 2
	if candidate {
		n--
	}
	return n, true
}
