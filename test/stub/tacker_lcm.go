package stub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// TackerVNF is a VNF instance of a Tacker.
type TackerVNF struct {
	// ID is the VNF instance's, VNFDID and Descriptor are those of what it runs now.
	ID, VNFDID string
	Descriptor *Descriptor
	// VNFCs are its virtual machines, the newest first.
	VNFCs []VNFC

	tacker       *Tacker
	connectionID string // of the VIM, as its grant named it
}

// VNFC is a virtual machine of a VNF instance.
type VNFC struct {
	VDUID string
	// ResourceID is the server in the VIM.
	ResourceID string
	// ResourceDefinitionID is what the grant request called it, which Tacker tells nobody afterwards.
	ResourceDefinitionID string
}

// Operation is a VNF LCM operation occurrence of a Tacker.
type Operation struct {
	// ID is the occurrence's, Name what is done.
	ID, Name string
	// Request is what it asked for, Grant what it was granted; nil: nothing.
	Request *GrantRequest
	Grant   *TackerGrant
	// Added and Removed are the virtual machines that it creates and deletes.
	Added, Removed []VNFC

	vnf *TackerVNF
}

const tackerFlavour = "simple"

// NewVNF creates a VNF instance, of which its NFVO is told.
func (t *Tacker) NewVNF(ctx context.Context, vnfdID string, d *Descriptor) (*TackerVNF, error) {
	n := &TackerVNF{ID: uuid.NewString(), VNFDID: vnfdID, Descriptor: d, tacker: t}
	return n, n.notify(ctx, map[string]any{"notificationType": "VnfIdentifierCreationNotification"})
}

func (n *TackerVNF) request(operation string) (*Operation, *GrantRequest) {
	op := &Operation{ID: uuid.NewString(), Name: operation, vnf: n}
	return op, &GrantRequest{
		VNFInstanceID: n.ID, VNFLcmOpOccID: op.ID, VNFDID: n.VNFDID, Operation: operation,
		Links: map[string]Link{
			"vnfLcmOpOcc": {Href: n.tacker.LCM + "/v2/vnflcm/vnf_lcm_op_occs/" + op.ID},
			"vnfInstance": {Href: n.tacker.LCM + "/vnflcm/v2/vnf_instances/" + n.ID},
		},
	}
}

// fresh defines new instances of a VDU, with what belongs to each.
func (n *TackerVNF) fresh(r *GrantRequest, vdu string, count int, ports bool) {
	for range count {
		id := uuid.NewString()
		r.AddResources = append(r.AddResources, ResourceDefinition{ID: id, Type: "COMPUTE", ResourceTemplateID: vdu})
		if ports {
			for _, cp := range n.Descriptor.VDUs[vdu].CPs {
				r.AddResources = append(r.AddResources, ResourceDefinition{ID: cp + "-" + id, Type: "LINKPORT", ResourceTemplateID: cp})
			}
		}
		for _, s := range n.Descriptor.VDUs[vdu].Storages {
			r.AddResources = append(r.AddResources, ResourceDefinition{ID: s + "-" + id, Type: "STORAGE", ResourceTemplateID: s})
		}
	}
}

// old defines virtual machines that are to go, with their volumes.
func (n *TackerVNF) old(r *GrantRequest, list []VNFC) {
	for _, c := range list {
		id := uuid.NewString()
		r.RemoveResources = append(r.RemoveResources, ResourceDefinition{ID: id, Type: "COMPUTE", ResourceTemplateID: c.VDUID, Resource: n.handle(c.ResourceID, "OS::Nova::Server")})
		for _, s := range n.Descriptor.VDUs[c.VDUID].Storages {
			r.RemoveResources = append(r.RemoveResources, ResourceDefinition{ID: s + "-" + id, Type: "STORAGE", ResourceTemplateID: s, Resource: n.handle("volume-of-"+c.ResourceID, "OS::Cinder::Volume")})
		}
	}
}

func (n *TackerVNF) handle(id, kind string) *ResourceHandle {
	return &ResourceHandle{VIMConnectionID: n.connectionID, ResourceID: id, VIMLevelResourceType: kind}
}

// constrain adds the affinity rules of the VNFD: about what is new, and what runs. One of fewer than two members is left out.
func (n *TackerVNF) constrain(r *GrantRequest) {
	for _, rule := range n.Descriptor.Rules {
		c := PlacementConstraint{AffinityOrAntiAffinity: rule.AffinityOrAntiAffinity, Scope: rule.Scope}
		for _, v := range n.VNFCs {
			if slices.Contains(rule.Targets, v.VDUID) {
				c.Resource = append(c.Resource, ConstraintResourceRef{IDType: "RES_MGMT", ResourceID: v.ResourceID, VIMConnectionID: n.connectionID})
			}
		}
		for i := range r.AddResources {
			if vdu, _ := r.AddResources[i].ResourceTemplateID.(string); slices.Contains(rule.Targets, vdu) {
				c.Resource = append(c.Resource, ConstraintResourceRef{IDType: "GRANT", ResourceID: r.AddResources[i].ID})
			}
		}
		if len(c.Resource) > 1 {
			r.PlacementConstraints = append(r.PlacementConstraints, c)
		}
	}
}

// userData is what the user of a Tacker gives to operations, and Tacker to the grant.
func userData() map[string]any {
	return map[string]any{"lcm-operation-user-data": "./UserData/userdata_standard.py", "lcm-operation-user-data-class": "StandardUserData"}
}

// Instantiate brings the VNF to an instantiation level; empty: the VNFD's default.
func (n *TackerVNF) Instantiate(ctx context.Context, level string) (*Operation, error) {
	op, r := n.request("INSTANTIATE")
	r.FlavourID, r.InstantiationLevelID, r.AdditionalParams = tackerFlavour, level, userData()
	if level == "" {
		level = n.Descriptor.DefaultLevel
	}
	for _, vdu := range slices.Sorted(maps.Keys(n.Descriptor.VDUs)) {
		n.fresh(r, vdu, n.Descriptor.Levels[level][vdu], true)
	}
	for _, vl := range n.Descriptor.VirtualLinks {
		r.AddResources = append(r.AddResources, ResourceDefinition{ID: uuid.NewString(), Type: "VL", ResourceTemplateID: vl})
	}
	n.constrain(r)
	return op, op.run(ctx, r)
}

// ScaleOut adds one step of an aspect.
func (n *TackerVNF) ScaleOut(ctx context.Context, aspect string) (*Operation, error) {
	op, r := n.request("SCALE")
	r.AdditionalParams = userData()
	for vdu, count := range n.Descriptor.Steps[aspect] {
		n.fresh(r, vdu, count, true)
	}
	n.constrain(r)
	return op, op.run(ctx, r)
}

// ScaleIn removes one step of an aspect, the newest machines first.
func (n *TackerVNF) ScaleIn(ctx context.Context, aspect string) (*Operation, error) {
	op, r := n.request("SCALE")
	r.AdditionalParams = userData()
	left := maps.Clone(n.Descriptor.Steps[aspect])
	for _, c := range n.VNFCs {
		if left[c.VDUID] > 0 {
			left[c.VDUID]--
			op.Removed = append(op.Removed, c)
		}
	}
	n.old(r, op.Removed)
	return op, op.run(ctx, r)
}

// Heal makes machines anew, without their volumes and without saying again what the VNFD says of their places.
func (n *TackerVNF) Heal(ctx context.Context, list ...VNFC) (*Operation, error) {
	op, r := n.request("HEAL")
	r.AdditionalParams = map[string]any{"all": false}
	for _, c := range list {
		r.RemoveResources = append(r.RemoveResources, ResourceDefinition{ID: uuid.NewString(), Type: "COMPUTE", ResourceTemplateID: c.VDUID, Resource: n.handle(c.ResourceID, "OS::Nova::Server")})
		r.AddResources = append(r.AddResources, ResourceDefinition{ID: uuid.NewString(), Type: "COMPUTE", ResourceTemplateID: c.VDUID})
	}
	op.Removed = list
	return op, op.run(ctx, r)
}

// ChangePackage replaces all machines by those of another VNFD (a rolling update).
func (n *TackerVNF) ChangePackage(ctx context.Context, vnfdID string, d *Descriptor) (*Operation, error) {
	op, r := n.request("CHANGE_VNFPKG")
	r.DstVNFDID, r.FlavourID = vnfdID, tackerFlavour
	op.Removed = slices.Clone(n.VNFCs)
	n.old(r, op.Removed)
	for _, c := range op.Removed {
		n.fresh(r, c.VDUID, 1, false)
	}
	if err := op.run(ctx, r); err != nil {
		return op, err
	}
	n.VNFDID, n.Descriptor = vnfdID, d
	return op, nil
}

// Terminate removes all machines and networks.
func (n *TackerVNF) Terminate(ctx context.Context) (*Operation, error) {
	op, r := n.request("TERMINATE")
	op.Removed = slices.Clone(n.VNFCs)
	n.old(r, op.Removed)
	for _, vl := range n.Descriptor.VirtualLinks {
		r.RemoveResources = append(r.RemoveResources, ResourceDefinition{ID: uuid.NewString(), Type: "VL", ResourceTemplateID: vl, Resource: n.handle("network-of-"+vl, "OS::Neutron::Net")})
	}
	return op, op.run(ctx, r)
}

// ErrFailed is why an operation stays where it failed, until it is rolled back.
var ErrFailed = errors.New("the operation is FAILED_TEMP")

// run asks for the grant and does what it grants. One that is not granted is rolled back before it begins; one whose machines cannot
// be created is ErrFailed.
func (op *Operation) run(ctx context.Context, r *GrantRequest) (err error) {
	n := op.vnf
	op.Request = r
	if err := op.tell(ctx, "STARTING"); err != nil {
		return err
	}
	if op.Grant, err = n.tacker.ask(ctx, r); err != nil {
		return errors.Join(err, op.tell(ctx, "ROLLED_BACK"))
	}
	for id := range op.Grant.VIMConnectionInfo {
		n.connectionID = id
	}
	if err := op.tell(ctx, "PROCESSING"); err != nil {
		return err
	}
	n.tacker.VIM.Began(op)
	for _, d := range r.AddResources {
		if d.Type != "COMPUTE" {
			continue
		}
		id, err := n.tacker.VIM.Create(ctx, d.ID, op.Grant.ZoneOf(d.ID))
		if err != nil {
			return errors.Join(fmt.Errorf("%w: %w", ErrFailed, err), op.tell(ctx, "FAILED_TEMP"))
		}
		vdu, _ := d.ResourceTemplateID.(string)
		op.Added = append(op.Added, VNFC{VDUID: vdu, ResourceID: id, ResourceDefinitionID: d.ID})
	}
	if err := n.tacker.VIM.Delete(ctx, resourceIDs(op.Removed)); err != nil {
		return err
	}
	n.VNFCs = slices.DeleteFunc(slices.Concat(op.Added, n.VNFCs), func(c VNFC) bool { return slices.Contains(op.Removed, c) })
	return op.end(ctx, "COMPLETED")
}

// Rollback deletes what an operation that failed has created.
func (op *Operation) Rollback(ctx context.Context) error {
	if err := op.tell(ctx, "ROLLING_BACK"); err != nil {
		return err
	}
	if err := op.vnf.tacker.VIM.Delete(ctx, resourceIDs(op.Added)); err != nil {
		return err
	}
	op.Added, op.Removed = nil, nil
	return op.end(ctx, "ROLLED_BACK")
}

// end tells of the end of an operation, between two looks at the servers.
func (op *Operation) end(ctx context.Context, state string) error {
	if err := op.vnf.tacker.VIM.Settled(ctx); err != nil {
		return err
	}
	if err := op.tell(ctx, state); err != nil {
		return err
	}
	return op.vnf.tacker.VIM.Settled(ctx)
}

func resourceIDs(list []VNFC) (ids []string) {
	for _, c := range list {
		ids = append(ids, c.ResourceID)
	}
	return ids
}

// tell sends a notification of the operation. What changed is in those of its end, without the resource definitions it came from.
func (op *Operation) tell(ctx context.Context, state string) error {
	body := map[string]any{
		"notificationType": "VnfLcmOperationOccurrenceNotification", "notificationStatus": "RESULT", "operationState": state,
		"operation": op.Name, "isAutomaticInvocation": false, "verbosity": "FULL", "vnfLcmOpOccId": op.ID,
	}
	if state == "STARTING" {
		body["notificationStatus"] = "START"
	}
	var affected []map[string]any
	for change, list := range map[string][]VNFC{"ADDED": op.Added, "REMOVED": op.Removed} {
		for _, c := range list {
			affected = append(affected, map[string]any{"id": c.ResourceID, "vduId": c.VDUID, "changeType": change, "computeResource": op.vnf.handle(c.ResourceID, "OS::Nova::Server")})
		}
	}
	if affected != nil && state == "COMPLETED" {
		body["affectedVnfcs"] = affected
	}
	if state == "FAILED_TEMP" || state == "ROLLED_BACK" {
		body["error"] = map[string]any{"title": "Stack failed", "status": http.StatusUnprocessableEntity, "detail": "the stack could not be made"}
	}
	if err := op.vnf.notify(ctx, body); err != nil {
		return fmt.Errorf("%s of %s: %w", state, op.Name, err)
	}
	return nil
}

func (n *TackerVNF) notify(ctx context.Context, body map[string]any) error {
	links := map[string]Link{"vnfInstance": {Href: n.tacker.LCM + "/vnflcm/v2/vnf_instances/" + n.ID}, "subscription": {Href: n.tacker.LCM + "/vnflcm/v2/subscriptions/1"}}
	maps.Copy(body, map[string]any{
		"id": uuid.NewString(), "subscriptionId": "1", "timeStamp": time.Now().UTC().Format(time.RFC3339), "vnfInstanceId": n.ID, "_links": links,
	})
	if _, err := n.tacker.do(ctx, http.MethodPost, "/placement/v1/vnf_lcm_notifications", tackerLCMVersion, body, http.StatusNoContent); err != nil {
		return err
	}
	n.tacker.Notifications++
	return nil
}

// TestNotifications asks whether notifications are taken, as Tacker does before it accepts a subscription.
func (t *Tacker) TestNotifications(ctx context.Context) error {
	_, err := t.do(ctx, http.MethodGet, "/placement/v1/vnf_lcm_notifications", tackerLCMVersion, nil, http.StatusNoContent)
	return err
}
