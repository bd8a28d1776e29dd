package containerd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"ringfence/internal/agent"
)

// The labels that containerd's CRI plugin gives to its containers.
const (
	labelKind      = "io.cri-containerd.kind"
	kindSandbox    = "sandbox"
	labelPodUID    = "io.kubernetes.pod.uid"
	defaultHandler = "runc"
)

// container is a container of any namespace.
type container struct {
	space   string
	record  containers.Container
	running bool
	parent  string // chain ID of the image that its root file system is based on
}

// Observe looks at what runs and what lies in the store.
func (s *Store) Observe(ctx context.Context) (agent.Observation, error) {
	seen := agent.Observation{At: time.Now()}
	all, err := s.list(ctx)
	if err != nil {
		return seen, err
	}
	if seen.Artefacts, err = s.artefacts(ctx, all); err != nil {
		return seen, err
	}
	seen.Workloads, err = s.workloads(ctx, all)
	return seen, err
}

// workloads are the pods that CRI knows, and the running containers that belong to none.
func (s *Store) workloads(ctx context.Context, all []*stored) ([]agent.Workload, error) {
	found, err := s.containers(ctx)
	if err != nil {
		return nil, err
	}
	pods, err := s.sandboxes(ctx)
	if err != nil {
		return nil, err
	}
	var workloads []agent.Workload
	byUID := map[string]int{}
	for _, pod := range pods {
		labels := maps.Clone(pod.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, pod.Annotations)
		byUID[pod.Metadata.GetUid()] = len(workloads)
		workloads = append(workloads, agent.Workload{ID: pod.Metadata.GetUid(), Labels: labels, Runtime: s.runtimeClass(pod.RuntimeHandler)})
	}
	for _, c := range found {
		if !c.running || c.record.Labels[labelKind] == kindSandbox {
			continue
		}
		used := imagesOf(c, all)
		if i, inPod := byUID[c.record.Labels[labelPodUID]]; inPod && c.record.Labels[labelKind] != "" {
			workloads[i].Images = append(workloads[i].Images, used...)
			continue
		}
		handler := strings.TrimSuffix(strings.TrimPrefix(c.record.Runtime.Name, "io.containerd."), ".v2")
		workloads = append(workloads, agent.Workload{
			ID: c.space + "/" + c.record.ID, Labels: c.record.Labels, Runtime: s.runtimeClass(handler), Images: used,
		})
	}
	return workloads, nil
}

// runtimeClass is what the inventory calls a runtime handler.
func (s *Store) runtimeClass(handler string) string {
	if handler == "" {
		handler = defaultHandler
	}
	if class := s.o.Runtimes[handler]; class != "" {
		return class
	}
	return handler
}

// sandboxes are the pods that are up, oldest first; none where containerd has no CRI.
func (s *Store) sandboxes(ctx context.Context) ([]*cri.PodSandbox, error) {
	ready := &cri.PodSandboxFilter{State: &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY}}
	answer, err := s.pods.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: ready})
	if status.Code(err) == codes.Unimplemented {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	pods := answer.Items
	slices.SortFunc(pods, func(a, b *cri.PodSandbox) int {
		if a.CreatedAt != b.CreatedAt {
			return int(max(-1, min(1, a.CreatedAt-b.CreatedAt)))
		}
		return strings.Compare(a.Id, b.Id)
	})
	return pods, nil
}

// containers are those of all namespaces, oldest first.
func (s *Store) containers(ctx context.Context) ([]container, error) {
	spaces, err := s.spaces(ctx)
	if err != nil {
		return nil, err
	}
	var all []container
	for space, ctx := range spaces {
		records, err := s.client.ContainerService().List(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the containers of %s: %w", space, err)
		}
		processes, err := s.client.TaskService().List(ctx, &tasks.ListTasksRequest{})
		if err != nil {
			return nil, fmt.Errorf("list the tasks of %s: %w", space, err)
		}
		running := map[string]bool{}
		for _, process := range processes.Tasks {
			running[process.ID] = process.Status != tasktypes.Status_STOPPED
		}
		for _, record := range records {
			all = append(all, container{space: space, record: record, running: running[record.ID], parent: s.parentOf(ctx, record)})
		}
	}
	slices.SortFunc(all, func(a, b container) int {
		if c := a.record.CreatedAt.Compare(b.record.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.space+"/"+a.record.ID, b.space+"/"+b.record.ID)
	})
	return all, nil
}

// parentOf is the chain ID that a container's root file system stands on; empty: none that can be found.
func (s *Store) parentOf(ctx context.Context, record containers.Container) string {
	if record.SnapshotKey == "" || record.Snapshotter == "" {
		return ""
	}
	info, err := s.client.SnapshotService(record.Snapshotter).Stat(ctx, record.SnapshotKey)
	if err != nil {
		return ""
	}
	return info.Parent
}

// imagesOf are the digests of the image that a container runs: by its name, and by what its root file system stands on, which
// stays when the name is given to another.
func imagesOf(c container, all []*stored) []string {
	var digests []string
	for _, image := range all {
		if !image.carries(c) {
			continue
		}
		digests = append(digests, image.target.String())
		if image.manifest != "" && image.manifest != image.target {
			digests = append(digests, image.manifest.String())
		}
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}

// carries tells whether a container runs the image.
func (i *stored) carries(c container) bool {
	named := i.space == c.space && slices.Contains(i.names, c.record.Image)
	return named || c.parent != "" && c.parent == i.top()
}

// Stop ends a workload: its pod, or its container.
func (s *Store) Stop(ctx context.Context, w agent.Workload) error {
	pods, err := s.sandboxes(ctx)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if pod.Metadata.GetUid() == w.ID {
			_, err := s.pods.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: pod.Id})
			return err
		}
	}
	space, id, _ := strings.Cut(w.ID, "/")
	spaces, err := s.spaces(ctx)
	if err != nil {
		return err
	}
	inside, known := spaces[space]
	if !known {
		return nil
	}
	_, err = s.client.TaskService().Kill(inside, &tasks.KillRequest{ContainerID: id, Signal: 9, All: true})
	if errdefs.IsNotFound(errgrpc.ToNative(err)) {
		return nil
	}
	return err
}
