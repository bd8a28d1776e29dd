// Package nfvi holds directives against a real NFVI: a real Kubernetes control plane and a real containerd on this machine,
// with a real ringfence on a real PostgreSQL. It runs with RINGFENCE_NFVI=1 only (`make test-nfvi`), and says so when it
// does not run. RINGFENCE_CLUSTER=1 (`make test-cluster`) runs TestCluster: two nodes with a kubelet, a containerd and an agent each.
package nfvi
