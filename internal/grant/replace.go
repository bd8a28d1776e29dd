package grant

import (
	"reflect"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// replaces tells whether a request may change resources where they stand: a change of the VNF package does, to what the destination
// describes. Every other operation leaves what was granted as it is.
func replaces(req *placement.GrantRequest) bool {
	return req.Operation == placement.OpChangeVNFPkg && len(req.UpdateResources) > 0
}

// replace finds the resources of updateResources whose workload is another one after the change of the package. Each is judged anew on
// the host where it stands, and reserved beside what it takes the place of, which is released: for a while both may be there. It
// returns the residencies that are released with those that were before, and what cannot be judged because nobody knows where it is.
func replace(view *fleet.View, b *builder, released []string) (all []string, lacking []placement.Reason) {
	all = released
	if !replaces(b.req) {
		return all, nil
	}
	own := view.ResidenciesOf(b.req.VNFInstanceID)
	for i := range b.req.UpdateResources {
		rd := &b.req.UpdateResources[i]
		if !rd.Placed() || !b.changes(rd) {
			continue
		}
		r := present(view, own, rd, all)
		if r == nil {
			lacking = append(lacking, unknown("resource "+rd.ID+", which the package change alters: name it by its id in the VIM, by its reservationId, or by the id that it was granted under"))
			continue
		}
		all = append(slices.Clip(all), r.ID)
		rd.ReplacedOn = r.HostID
	}
	return all, lacking
}

// changes tells whether the destination describes a resource in another way than the package that it was granted by.
func (b *builder) changes(rd *placement.ResourceDefinition) bool {
	before := *rd
	before.VNFDID = b.req.VNFDID
	is, errIs := b.demandOf(&before)
	will, errWill := b.demandOf(rd)
	if errIs != nil || errWill != nil {
		return true
	}
	for _, d := range []*placement.Demand{&is, &will} {
		d.Workload.VNFDID = ""
		if len(d.Unknown) > 0 { // it says what of which VNFD: those of both are the same when neither has the component
			d.Unknown = d.Unknown[:1:1]
			d.Unknown[0] = unknown("")
		}
	}
	return !reflect.DeepEqual(is, will)
}

// present finds the residency that a resource which stays is, among those that no other one of the request is.
func present(view *fleet.View, own []*placement.Residency, rd *placement.ResourceDefinition, taken []string) *placement.Residency {
	for _, means := range meanings(view, rd) {
		n := slices.IndexFunc(own, func(r *placement.Residency) bool {
			return r.State != placement.StateTerminating && !slices.Contains(taken, r.ID) && means(r)
		})
		if n >= 0 {
			return own[n]
		}
	}
	return nil
}

// newOnes are the lists of a request whose resources are placed by it, with what each list says of them.
func newOnes(req *placement.GrantRequest) []placedList {
	replaced := slices.DeleteFunc(slices.Clone(req.UpdateResources), func(rd placement.ResourceDefinition) bool { return rd.ReplacedOn == "" })
	return []placedList{{req.AddResources, false}, {req.TempResources, true}, {replaced, false}}
}

// placedList is a list of resources.
type placedList struct {
	resources []placement.ResourceDefinition
	temporary bool
}
