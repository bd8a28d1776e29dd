// Package containerd is the agent's view of a host's containerd, by its own API and by CRI: what runs, what lies in the store,
// how an image gets there and how it goes. It works with containerd 1.6 and 2.x.
//
// It decides nothing about what may run or lie there. Where a layer is unpacked is the snapshotter's business.
package containerd

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	cd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/platforms"
	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"ringfence/internal/agent"
	"ringfence/internal/agent/snapshotter"
)

// Snapshotter is the name under which containerd's configuration knows the agent's snapshotter.
const Snapshotter = "ringfence"

// Options say how a host's containerd is reached and used.
type Options struct {
	// Address is the socket of containerd.
	Address string
	// Namespace is where images for workloads belong: k8s.io for Kubernetes.
	Namespace string
	// RegistryFolder holds hosts.toml files as containerd takes them; empty: the registries' own names, by HTTPS.
	RegistryFolder string
	// CredentialsFile is a Docker configuration file with the registries' passwords; empty: none are needed.
	CredentialsFile string
	// KeyFolder holds the private keys (PEM) that decrypt layers, in one folder per trust domain.
	KeyFolder string
	// Runtimes maps runtime handlers to the inventory's runtime classes, where they have other names.
	Runtimes map[string]string
	// TrimFolders are on the file systems whose free blocks are given back to the device after a purge, so that it forgets
	// what lay in them.
	TrimFolders []string
}

// Placer knows where unpacked layers lie.
type Placer interface {
	Placed(ctx context.Context) ([]snapshotter.Placed, error)
}

// Store is the containerd of a host.
type Store struct {
	o        Options
	client   *cd.Client
	pods     cri.RuntimeServiceClient
	registry docker.RegistryHosts
	placer   Placer
	platform platforms.MatchComparer
}

var _ agent.ImageStore = (*Store)(nil)

// New is the containerd at an address; it need not run yet.
func New(o Options, placer Placer) (*Store, error) {
	client, err := cd.New(o.Address, cd.WithDefaultNamespace(o.Namespace), cd.WithTimeout(10*time.Second), cd.WithDefaultPlatform(platforms.Default()))
	if err != nil {
		return nil, fmt.Errorf("containerd at %s: %w", o.Address, err)
	}
	connection, is := client.Conn().(*grpc.ClientConn)
	if !is {
		return nil, fmt.Errorf("containerd at %s: no connection for CRI", o.Address)
	}
	credentials, err := readCredentials(o.CredentialsFile)
	if err != nil {
		return nil, err
	}
	hosts := config.HostOptions{Credentials: credentials}
	if o.RegistryFolder != "" {
		hosts.HostDir = config.HostDirFromRoot(o.RegistryFolder)
	}
	return &Store{
		o: o, client: client, pods: cri.NewRuntimeServiceClient(connection), placer: placer, platform: platforms.Default(),
		registry: securely(config.ConfigureHosts(context.Background(), hosts)),
	}, nil
}

// securely refuses registries that would be asked in the clear beyond the loopback address.
func securely(hosts docker.RegistryHosts) docker.RegistryHosts {
	return func(name string) ([]docker.RegistryHost, error) {
		found, err := hosts(name)
		if err != nil {
			return nil, err
		}
		for i := range found {
			local, err := docker.MatchLocalhost(found[i].Host)
			if err != nil {
				return nil, err
			}
			if found[i].Scheme == "http" && !local {
				return nil, fmt.Errorf("the registry %s is configured for plain HTTP: use https", found[i].Host)
			}
			if found[i].Client == nil {
				found[i].Client = http.DefaultClient
			}
		}
		return found, nil
	}
}

// Close ends the connection.
func (s *Store) Close() error { return s.client.Close() }

// Changes tells when something may have changed in containerd. It goes on after a restart of containerd.
func (s *Store) Changes(ctx context.Context) <-chan struct{} {
	changes := make(chan struct{}, 1)
	tell := func() {
		select {
		case changes <- struct{}{}:
		default:
		}
	}
	go func() {
		for ctx.Err() == nil {
			s.relay(ctx, tell)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			tell()
		}
	}()
	return changes
}

// relay tells of each event until containerd goes away.
func (s *Store) relay(ctx context.Context, tell func()) {
	events, errs := s.client.Subscribe(ctx, `topic~="^/(images|containers|tasks)/"`)
	for {
		select {
		case <-events:
			tell()
		case err := <-errs:
			slog.DebugContext(ctx, "containerd's events have ended", "error", err)
			return
		case <-ctx.Done():
			return
		}
	}
}

// spaces are the contexts of all namespaces of containerd, by name: a person who types `ctr` is in another than Kubernetes.
func (s *Store) spaces(ctx context.Context) (map[string]context.Context, error) {
	names, err := s.client.NamespaceService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the namespaces of containerd: %w", err)
	}
	spaces := make(map[string]context.Context, len(names))
	for _, name := range names {
		spaces[name] = within(ctx, name) //nolint:fatcontext // each is made from the one outside
	}
	return spaces, nil
}

// own is the context of the namespace where images for workloads belong.
func (s *Store) own(ctx context.Context) context.Context { return within(ctx, s.o.Namespace) }

func within(ctx context.Context, namespace string) context.Context {
	return namespaces.WithNamespace(ctx, namespace)
}
