package cism

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"ringfence/api/client"
)

// Options say how to run for one cluster.
type Options struct {
	Service         client.Options
	VIMConnectionID string // what the inventory calls the cluster
	Kubeconfig      string // empty: this process is a pod of the cluster
	Listen          string // address for the API server and the scheduler, by TLS
	AdminListen     string // address of health and metrics
	TLS             TLS
	StateFile       string // empty: the feed is read from its beginning at every start
	MaxSilence      time.Duration
	Cluster         Cluster
	BreakGlass      BreakGlass
	Report          bool   // tell ringfence what hosts without an agent run
	DefaultRuntime  string // what pods without a runtime class run with
	Log             *slog.Logger
}

// Run serves until the context ends or a part fails.
func Run(ctx context.Context, o *Options) error {
	p, err := assemble(o)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	admin, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.AdminListen)
	if err != nil {
		return errors.Join(fmt.Errorf("admin listener: %w; choose another address with --admin-listen", err), listener.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { p.view.run(ctx); return nil })
	group.Go(func() error { p.feed.run(ctx); return nil })
	if o.Report {
		group.Go(func() error { p.reporter.run(ctx); return nil })
	}
	group.Go(func() error { return serve(ctx, tls.NewListener(listener, p.tls), p.admission.routes()) })
	group.Go(func() error { return serve(ctx, admin, p.adminRoutes()) })
	o.Log.Info("ringfence cism serves", "url", "https://"+listener.Addr().String(), "admin", "http://"+admin.Addr().String(), "vimConnectionId", o.VIMConnectionID)
	return group.Wait()
}

// parts are what a process consists of.
type parts struct {
	view      *clusterView
	feed      *feed
	admission *admission
	reporter  *reporter
	tls       *tls.Config
	metrics   *metrics
}

func assemble(o *Options) (*parts, error) {
	if o.VIMConnectionID == "" {
		return nil, errors.New("the VIM connection is missing: --vim-connection names it as the hosts of the inventory do")
	}
	certificate, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	klog.SetSlogLogger(o.Log) // what the client of Kubernetes has to say
	config, err := restConfig(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	view, err := newClusterView(config)
	if err != nil {
		return nil, err
	}
	service, err := client.New(o.Service)
	if err != nil {
		return nil, err
	}
	f := &feed{
		service: service, verifier: client.NewVerifier(service), vimConnectionID: o.VIMConnectionID, maxSilence: o.MaxSilence,
		store: newStore(o.StateFile), log: o.Log, now: time.Now, table: newTable(),
	}
	if err := f.store.load(f); err != nil {
		return nil, err
	}
	p := &parts{view: view, feed: f, tls: certificate, metrics: &metrics{}}
	p.admission = &admission{
		table: f.table, view: view, cluster: o.Cluster, breakGlass: o.BreakGlass, fresh: f.fresh, claims: newClaims(), now: time.Now, log: o.Log, metrics: p.metrics,
	}
	p.reporter = &reporter{
		service: service, view: view, table: f.table, cluster: &p.admission.cluster, vimConnectionID: o.VIMConnectionID, defaultRuntime: o.DefaultRuntime, now: time.Now, log: o.Log, metrics: p.metrics,
		sent: map[string]sent{},
	}
	_, err = view.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: p.admission.deleted})
	return p, err
}

// adminRoutes are health and metrics.
func (p *parts) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.admission.ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /inventory", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_ = p.reporter.writeInventory(w)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		p.metrics.write(w, p.feed)
	})
	return mux
}
