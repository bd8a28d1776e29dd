package cism

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// The indexes of the informers.
const (
	byResidency = "residency"
	byNode      = "node"
	byLabel     = "label"
)

// resync is how often everything is looked at again without a change.
const resync = 10 * time.Minute

// clusterView shows the cluster by informers on pods, nodes and namespaces, and asks the API server itself where a moment
// matters.
type clusterView struct {
	core                    rest.Interface
	pods, nodes, namespaces cache.SharedIndexInformer
}

// restConfig says how to reach the API server: by a file, or as a pod of the cluster.
func restConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("the cluster's API server: %w; --kubeconfig names a file that leads to it", err)
	}
	config.QPS, config.Burst = 200, 400 // one question per binding; the API server has its own fairness
	config.UserAgent = "ringfence-cism"
	return config, nil
}

// newClusterView is a view that shows nothing before its informers run.
func newClusterView(config *rest.Config) (*clusterView, error) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(config)
	c.APIPath, c.GroupVersion = "/api", &corev1.SchemeGroupVersion
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	core, err := rest.RESTClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("client of the API server: %w", err)
	}
	v := &clusterView{core: core}
	v.pods = v.informer("pods", &corev1.Pod{}, cache.Indexers{byResidency: indexResidency, byNode: indexNode})
	v.nodes = v.informer("nodes", &corev1.Node{}, cache.Indexers{byLabel: indexLabels})
	v.namespaces = v.informer("namespaces", &corev1.Namespace{}, cache.Indexers{})
	return v, errors.Join(v.pods.SetTransform(lighten), v.nodes.SetTransform(lighten), v.namespaces.SetTransform(lighten))
}

func (v *clusterView) informer(resource string, of runtime.Object, indexers cache.Indexers) cache.SharedIndexInformer {
	return cache.NewSharedIndexInformer(cache.NewListWatchFromClient(v.core, resource, metav1.NamespaceAll, fields.Everything()), of, resync, indexers)
}

// lighten drops what nothing here reads and is large.
func lighten(object any) (any, error) {
	if m, err := meta.Accessor(object); err == nil {
		m.SetManagedFields(nil)
	}
	return object, nil
}

func indexResidency(object any) ([]string, error) {
	if pod, is := object.(*corev1.Pod); is && !ended(pod) && pod.Labels[labelResidency] != "" {
		return []string{pod.Labels[labelResidency]}, nil
	}
	return nil, nil
}

func indexNode(object any) ([]string, error) {
	if pod, is := object.(*corev1.Pod); is && pod.Spec.NodeName != "" {
		return []string{pod.Spec.NodeName}, nil
	}
	return nil, nil
}

func indexLabels(object any) ([]string, error) {
	var all []string
	if node, is := object.(*corev1.Node); is {
		for key, value := range node.Labels {
			all = append(all, key+"="+value)
		}
	}
	return all, nil
}

// ended tells whether nothing of a pod runs any more or will again.
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// run keeps the view current until the context ends.
func (v *clusterView) run(ctx context.Context) {
	for _, i := range []cache.SharedIndexInformer{v.nodes, v.namespaces} {
		go i.Run(ctx.Done())
	}
	v.pods.Run(ctx.Done())
}

func (v *clusterView) synced() error {
	if v.pods.HasSynced() && v.nodes.HasSynced() && v.namespaces.HasSynced() {
		return nil
	}
	return errors.New("the cluster is still being listed: try again in a few seconds")
}

func (v *clusterView) node(name string) (*corev1.Node, bool) {
	return stored[corev1.Node](v.nodes, name)
}

func (v *clusterView) namespace(name string) (*corev1.Namespace, bool) {
	return stored[corev1.Namespace](v.namespaces, name)
}

// stored is what an informer has under a key.
func stored[T any](i cache.SharedIndexInformer, key string) (*T, bool) {
	object, found, err := i.GetStore().GetByKey(key)
	if err != nil || !found {
		return nil, false
	}
	typed, is := object.(*T)
	return typed, is
}

func (v *clusterView) nodesLabelled(key, value string) []string {
	var names []string
	for _, node := range indexed[corev1.Node](v.nodes, byLabel, key+"="+value) {
		names = append(names, node.Name)
	}
	return names
}

func (v *clusterView) holders(residencyID string) []*corev1.Pod {
	return indexed[corev1.Pod](v.pods, byResidency, residencyID)
}

// podsOn are the pods that are bound to a node and have not ended.
func (v *clusterView) podsOn(node string) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range indexed[corev1.Pod](v.pods, byNode, node) {
		if !ended(pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

func (v *clusterView) allNodes() []*corev1.Node {
	var nodes []*corev1.Node
	for _, object := range v.nodes.GetStore().List() {
		if node, is := object.(*corev1.Node); is {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

func indexed[T any](i cache.SharedIndexInformer, index, key string) []*T {
	objects, err := i.GetIndexer().ByIndex(index, key)
	if err != nil {
		return nil
	}
	var list []*T
	for _, object := range objects {
		if typed, is := object.(*T); is {
			list = append(list, typed)
		}
	}
	return list
}

func (v *clusterView) readPod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	var pod corev1.Pod
	err := v.core.Get().Namespace(namespace).Resource("pods").Name(name).Do(ctx).Into(&pod)
	return &pod, err
}

func (v *clusterView) readHolders(ctx context.Context, residencyID string) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := v.core.Get().Resource("pods").Param("labelSelector", labelResidency+"="+residencyID).Do(ctx).Into(&list)
	var live []corev1.Pod
	for i := range list.Items {
		if !ended(&list.Items[i]) {
			live = append(live, list.Items[i])
		}
	}
	return live, err
}
