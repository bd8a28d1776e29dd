// Package cism holds a Kubernetes cluster to what ringfence granted: a pod runs only with a standing grant, where and how
// it was granted.
//
// It follows the directives of the cluster's VIM connection and keeps a table of what may run. The API server asks it
// about every pod (admission webhooks) and the scheduler about every node (extender). It tells ringfence what the cluster
// runs. It decides nothing about placement, creates and deletes nothing in the cluster, and when it does not know, because
// ringfence was silent for too long or its informers have not listed yet, nothing new starts. What runs stays.
package cism
