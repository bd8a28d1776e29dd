package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	remote "ringfence/api/client"
	inventory "ringfence/api/inventory"
	"ringfence/internal/agent"
	"ringfence/internal/agent/containerd"
	"ringfence/internal/agent/snapshotter"
	"ringfence/internal/agent/volume"
	"ringfence/internal/telemetry"
)

// agentFlags are what the command line says to an agent.
type agentFlags struct {
	service    remote.Options
	runtime    containerd.Options
	agent      agent.Config
	state      string
	socket     string
	memory     string
	containerd string
	admin      string
	logLevel   string
	logFormat  string
}

func newAgent(p process) *cobra.Command {
	var f agentFlags
	cmd := &cobra.Command{
		Use: "agent", Short: "Make a host's containerd obey its directives and report what it sees", Args: takes(),
		Long: `Make a host's containerd obey its directives and report what it sees.

Runs on the host, as root. It follows the host's directives in their order and remembers them in the state folder, so that
nothing is lost or doubled when it, containerd or the service restarts. It is containerd's snapshotter "ringfence": with it,
images of mode ENCRYPTED are unpacked under a key of their trust domain that only the kernel has, and images of mode NO_STORE
in memory, whoever pulls them. It never starts a workload.

containerd needs this in its configuration, and "ringfence" as snapshotter of its CRI plugin:

  [proxy_plugins.ringfence]
    type = "snapshot"
    address = "/run/ringfence/snapshotter.sock"

The state folder must be on ext4 made with -O encrypt, or f2fs, for the mode ENCRYPTED; without, the agent says so and answers
such directives FAILED. Keys that decrypt layers are PEM files in one folder per trust domain below --layer-key-dir.`,
		Example: `  ringfence agent --host h02 --url https://ringfence.example.com --token-file /etc/ringfence/agent.token
  ringfence agent --host h02 --url https://ringfence.example.com --cert-file agent.crt --key-file agent.key --ca-file ca.crt`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.service.URL == "" {
				f.service.URL = p.getenv("RINGFENCE_URL")
			}
			log, err := telemetry.NewLogger(p.stderr, f.logLevel, f.logFormat)
			if err != nil {
				return err
			}
			return runAgent(cmd.Context(), f, log)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *agentFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.agent.HostID, "host", "", "the host's id in the inventory")
	_ = cmd.MarkFlagRequired("host")
	flags.StringVar(&f.agent.CISNodeID, "cis-node", "", "the CIS node on the host, when all containers run on that one; an agent that does not see all workloads of its host does not report")
	flags.StringVar(&f.agent.OnlyDomain, "only-trust-domain", "", "the one trust domain that the host serves; without, DOMAIN_PRIVATE is not available here")
	flags.StringVar(&f.service.URL, "url", "", "address of ringfence [RINGFENCE_URL]")
	flags.StringVar(&f.service.TokenFile, "token-file", "", "file with the bearer token (role AGENT; SCRUBBER too, to record cleanings)")
	flags.StringVar(&f.service.CAFile, "ca-file", "", "certificates (PEM) that vouch for ringfence; without, those of the system")
	flags.StringVar(&f.service.CertFile, "cert-file", "", "certificate (PEM) of the agent, for mutual TLS")
	flags.StringVar(&f.service.KeyFile, "key-file", "", "private key (PEM) of that certificate")
	flags.StringVar(&f.state, "state-dir", "/var/lib/ringfence-agent", "folder for the journal, the unpacked images and the volumes")
	flags.StringVar(&f.socket, "snapshotter-socket", "/run/ringfence/snapshotter.sock", "socket on which containerd finds the snapshotter")
	flags.StringVar(&f.runtime.Address, "containerd-socket", "/run/containerd/containerd.sock", "socket of containerd")
	flags.StringVar(&f.containerd, "containerd-root", "/var/lib/containerd", "root folder of containerd, whose freed blocks are trimmed after a purge")
	flags.StringVar(&f.runtime.Namespace, "namespace", "k8s.io", "namespace of containerd for what the agent pulls")
	flags.StringVar(&f.runtime.RegistryFolder, "registry-dir", "", "folder of hosts.toml files, as containerd's config_path")
	flags.StringVar(&f.runtime.CredentialsFile, "registry-credentials-file", "", "Docker configuration file with the passwords of registries")
	flags.StringVar(&f.runtime.KeyFolder, "layer-key-dir", "", "folder with a folder per trust domain, of private keys (PEM) that decrypt layers")
	flags.StringToStringVar(&f.runtime.Runtimes, "runtime", nil, "runtime handler and what the inventory calls it, such as kata-qemu=kata; may be repeated")
	flags.StringVar(&f.memory, "memory-volume-size", "25%", "limit of a trust domain's images of mode NO_STORE, as tmpfs takes it")
	flags.DurationVar(&f.agent.PullTimeout, "pull-timeout", 5*time.Minute, "how long fetching one image may take")
	flags.DurationVar(&f.agent.StopReleased, "stop-released", 0, "end a workload that still runs this long after its RELEASE; 0: leave that to others")
	flags.DurationVar(&f.agent.ReportInterval, "report-interval", 30*time.Second, "how often to look and report without a change")
	flags.StringArrayVar(&f.agent.EphemeralFolders, "ephemeral-dir", nil, "folder that a SCRUB of level EPHEMERAL_WIPE empties; may be repeated")
	flags.StringVar(&f.agent.ScrubHook, "scrub-hook", "", "program that resets devices, reboots or reimages; called with the level and true or false for devices")
	flags.StringVar(&f.admin, "admin-listen", "", "where /healthz and /metrics are: a loopback address such as 127.0.0.1:9091, or unix:/path of a socket; empty: nowhere")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&f.logFormat, "log-format", "json", "text or json")
}

// runAgent is the agent of a host until the context ends.
func runAgent(ctx context.Context, f agentFlags, log *slog.Logger) error {
	f.service.UserAgent = "ringfence-agent/" + version()
	service, err := remote.New(f.service)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.state, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	f.agent.JournalFile = filepath.Join(f.state, "journal.json")
	journal, err := agent.LoadJournal(f.agent.JournalFile, f.agent.HostID)
	if err != nil {
		return err
	}
	volumes, err := volume.Open(filepath.Join(f.state, "volumes"), f.memory)
	if err != nil {
		return err
	}
	routes := &routes{}
	layers, err := snapshotter.Open(ctx, filepath.Join(f.state, "snapshotter"), volumes, routes)
	if err != nil {
		return err
	}
	defer func() { _ = layers.Close() }()
	f.runtime.TrimFolders = []string{f.state}
	if _, err := os.Stat(f.containerd); err == nil {
		f.runtime.TrimFolders = append(f.runtime.TrimFolders, f.containerd)
	}
	for _, folder := range f.agent.EphemeralFolders {
		if _, err := os.Stat(folder); err == nil {
			f.runtime.TrimFolders = append(f.runtime.TrimFolders, folder)
		}
	}
	store, err := containerd.New(f.runtime, layers)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	a := agent.New(f.agent, journal, service, remote.NewVerifier(service), store, hostVolumes{volumes}, log)
	routes.agent = a
	listener, err := snapshotter.Listen(ctx, f.socket)
	if err != nil {
		return err
	}
	admin, err := listenAdmin(ctx, f.admin)
	if err != nil {
		return err
	}
	log.Info("the agent runs", "hostId", f.agent.HostID, "ringfence", f.service.URL, "snapshotter", f.socket)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return layers.Serve(ctx, listener) })
	group.Go(func() error { return a.Run(ctx, store.Changes(ctx)) })
	if admin != nil {
		group.Go(func() error { return serveAdmin(ctx, admin, a.Handler()) })
	}
	return group.Wait()
}

// routes tells the snapshotter where the agent wants layers.
type routes struct{ agent *agent.Agent }

// kindOf is the kind of volume that provides a mode, where one is needed.
var kindOf = map[inventory.CacheMode]volume.Kind{
	inventory.CacheModeENCRYPTED: volume.Encrypted, inventory.CacheModeNOSTORE: volume.Memory,
}

// Route is the snapshotter's question.
func (r *routes) Route(ctx context.Context, chainID string) (snapshotter.Route, bool, error) {
	route, found, err := r.agent.Route(ctx, chainID)
	if err != nil || !found {
		return snapshotter.Route{}, false, err
	}
	open := func(ctx context.Context) (io.ReadCloser, error) { return route.Open(ctx) }
	return snapshotter.Route{Kind: kindOf[route.Mode], TrustDomainID: route.TrustDomainID, DiffID: route.DiffID, Open: open}, true, nil
}

// hostVolumes are the volumes by what directives say.
type hostVolumes struct{ store *volume.Store }

// Unavailable says why a mode cannot be provided.
func (v hostVolumes) Unavailable(mode inventory.CacheMode) error {
	kind, needed := kindOf[mode]
	if !needed {
		return nil
	}
	return v.store.Available(kind)
}

// Erase destroys the volumes of a trust domain, or all.
func (v hostVolumes) Erase(trustDomainID string) (int, error) {
	erased := 0
	var errs []error
	for _, one := range v.store.List() {
		if trustDomainID != "" && one.TrustDomainID != trustDomainID {
			continue
		}
		if err := v.store.Erase(one.Name); err != nil {
			errs = append(errs, err)
			continue
		}
		erased++
	}
	return erased, errors.Join(errs...)
}
