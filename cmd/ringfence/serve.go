package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"ringfence/internal/auth"
	"ringfence/internal/compliance"
	"ringfence/internal/config"
	"ringfence/internal/console"
	"ringfence/internal/delivery"
	"ringfence/internal/fleet"
	"ringfence/internal/grant"
	"ringfence/internal/httpapi"
	"ringfence/internal/inventory"
	"ringfence/internal/notify"
	"ringfence/internal/packages"
	"ringfence/internal/peer"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
	"ringfence/internal/postgres"
	"ringfence/internal/postgres/embedded"
	"ringfence/internal/relay"
	"ringfence/internal/replica"
	"ringfence/internal/seal"
	"ringfence/internal/telemetry"
	"ringfence/internal/transport"
	"ringfence/internal/vnfm"
	"ringfence/openapi"
)

const (
	sweepInterval = time.Second // how often expired reservations are looked for
	sweepBatch    = 500
)

func newServe(p process) *cobra.Command {
	var dev bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the service", Args: takes(),
		Long: `Run the service.

Without a database URL it starts a private PostgreSQL server in the data directory, keeps it to itself
(Unix socket only) and stops it at the end. With --dev nobody has to authenticate and every caller may
do everything, so the service then listens on a loopback address only. Otherwise callers show a token of an
authorization server or a client certificate, and the client file says what they may do.

Every flag is also an environment variable and a key of the configuration file, in this order of precedence.`,
		Example: `  ringfence serve --dev
  RINGFENCE_OIDC_ISSUER=https://... RINGFENCE_AUDIENCE=https://... RINGFENCE_CLIENT_FILE=clients.json \
    RINGFENCE_TLS_CERT_FILE=cert.pem RINGFENCE_TLS_KEY_FILE=key.pem RINGFENCE_DATABASE_URL=postgres://... ringfence serve
  RINGFENCE_AUTH=token RINGFENCE_TOKEN_FILE=tokens.json ringfence serve`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadSettings(cmd, p, dev)
			if err != nil {
				return err
			}
			log, err := telemetry.NewLogger(p.stderr, c.LogLevel, c.LogFormat)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, log, p.getenv, nil)
		},
	}
	cmd.Flags().BoolVar(&dev, "dev", false, "for a developer's machine: no authentication, loopback only, imports may set attestations")
	addSettings(cmd)
	return cmd
}

// serve runs the service until the context ends or a part of it fails. ready, if given, is called once with
// the address of the APIs.
func serve(ctx context.Context, c config.Config, log *slog.Logger, getenv func(string) string, ready func(url string)) error {
	if c.Dev {
		log.Warn("development profile: not for production")
	}
	if c.Auth == config.AuthNone {
		log.Warn("callers are not authenticated: every caller may do everything, and one person may author and activate a policy, and change security-relevant inventory")
	}
	tel, err := telemetry.Start(ctx, version(), getenv)
	if err != nil {
		return err
	}
	defer stopped(log, "telemetry", tel.Stop)
	if err := checkSecretFiles(c); err != nil {
		return err
	}
	db, err := openDatabase(ctx, c, log, tel)
	if err != nil {
		return err
	}
	defer db.close(log)
	rep := replica.New(db.store, log)
	if err := rep.Load(ctx); err != nil {
		return err
	}
	handler, parts, err := assemble(ctx, c, log, tel, db.store, rep)
	if err != nil {
		return err
	}
	return listen(ctx, c, log, tel, rep, db, handler, parts, ready)
}

// parts are what runs beside the HTTP servers.
type parts struct {
	tls           *transport.TLS            // nil: plain HTTP
	issuer        *auth.AuthorizationServer // nil: callers show no tokens of one
	grants        *grant.Service
	delivery      *delivery.Service
	inventory     *inventory.Service
	notifications *notify.Worker
	compliance    *compliance.Service
	watch         *policies.Watch
	vnfms         *vnfm.Service
	relay         *relay.Service // nil: no NFVO has to agree
	callbacks     *callbacks
	api           *httpapi.Server
}

// assemble builds the use cases and the HTTP server on top of the store and the replica.
func assemble(ctx context.Context, c config.Config, log *slog.Logger, tel *telemetry.Telemetry, store *postgres.Store, rep *replica.Replica) (http.Handler, parts, error) {
	secure, err := newTLS(c, log)
	if err != nil {
		return nil, parts{}, err
	}
	authenticator, issuer, err := newAuth(c, secure, log)
	if err != nil {
		return nil, parts{}, err
	}
	signer, err := delivery.LoadSigner(c.SigningKeyFile)
	if err != nil {
		return nil, parts{}, err
	}
	connections, err := loadConnections(c.ConnectionsFile)
	if err != nil {
		return nil, parts{}, err
	}
	cb, err := newCallbacks(ctx, c, authenticator, store.Address(), log)
	if err != nil {
		return nil, parts{}, err
	}
	guard := cb.guard
	book, err := peer.Load(c.CredentialsFile)
	if err != nil {
		return nil, parts{}, err
	}
	caller := notify.NewCaller(guard)
	worker := notify.NewWorker(store, caller, httpapi.RenderNotification(ownURL(c)), log)
	view := func() *fleet.View { return rep.View() }
	if err := tel.Observe(telemetry.Gauges{
		ViewAge: rep.Age, FeedLag: rep.Lag, Hosts: func() int { return view().Size }, Residencies: func() int { return view().Residencies() },
		Epoch: func() int64 { return view().Epoch }, Pool: store.PoolStat,
		Notifications: func() (pending, dead, suspended int64) { n := worker.Counts(); return n.Pending, n.Dead, n.Suspended },
	}); err != nil {
		return nil, parts{}, err
	}
	deliver, inv := delivery.New(store, rep), newInventory(c, store, rep, log)
	comply := compliance.New(store, rep, compliance.Settings{
		HostMappingMaxAge: c.HostMappingMaxAge, EvictionsPerMinute: c.EvictionsPerMin, Keep: c.KeepViolations, OverdueAfter: c.OverdueAfter,
	}, tel, log)
	peers := peer.NewCaller(book, guard)
	grants, upstream, err := newGrants(c, store, rep, deliver, peers, connections.ResourceGroupIDs, tel, log)
	if err != nil {
		return nil, parts{}, err
	}
	vnfms := vnfm.New(store, deliver, peers, vnfm.Settings{
		CallbackURI: ownURL(c) + "/placement/v1/vnf_lcm_notifications", ReservationTTL: c.ReservationTTL,
	}, log)
	server, err := httpapi.New(httpapi.Config{
		Grants: grants, Feed: store, Records: store, Policies: newPolicies(c, store, rep, log), Subscribers: policies.NewSubscribers(store, caller),
		Inventory: inv, Delivery: deliver, Compliance: comply, Modes: store, Constraints: store, Signer: signer, Auth: authenticator, LocalOnly: c.Auth == config.AuthNone,
		ReservationTTL: c.ReservationTTL, Connections: connections, Console: lazyConsole(log), ExternalURL: c.ExternalURL, RequestsPerSecond: requestsPerSecond(c), Ready: rep.Ready, Log: log,
		Packages: packages.New(store, renderChart), VNFMs: vnfms, Refused: tel.AccessRefused,
	})
	if err != nil {
		return nil, parts{}, err
	}
	return tel.Handler(server), parts{
		tls: secure, issuer: issuer, api: server, grants: grants, delivery: deliver, inventory: inv, notifications: worker, compliance: comply, vnfms: vnfms, relay: upstream, callbacks: cb, watch: policies.NewWatch(store, rep, policySettings(c, rep), tel, log),
	}, nil
}

// newGrants is the service that grants, and what asks the NFVO upstream; nil: there is none.
func newGrants(c config.Config, store *postgres.Store, rep *replica.Replica, deliver *delivery.Service, peers *peer.Caller, groups placement.ResourceGroups, tel *telemetry.Telemetry, log *slog.Logger) (
	*grant.Service, *relay.Service, error,
) {
	settings := grant.Settings{
		ReservationTTL: c.ReservationTTL, AttestationMargin: c.AttestationMargin, HostMappingMaxAge: c.HostMappingMaxAge, ResourceGroups: groups,
	}
	if c.Upstream.NFVO == "" {
		return grant.New(store, rep, settings, tel, log), nil, nil
	}
	upstream, err := relay.New(store, deliver, peers, relay.Settings{
		APIRoot: c.Upstream.NFVO, Credentials: c.Upstream.Credentials, Timeout: c.Upstream.Timeout, Usable: httpapi.CheckUpstreamGrant,
	}, log)
	if err != nil {
		return nil, nil, err
	}
	settings.Upstream, settings.UpstreamLI = upstream, c.Upstream.LI
	return grant.New(store, rep, settings, tel, log), upstream, nil
}

// ownURL is the base of links to this service, for those who have sent no request.
func ownURL(c config.Config) string { return cmp.Or(c.ExternalURL, scheme(c)+"://"+c.Listen) }

func newPolicies(c config.Config, store *postgres.Store, rep *replica.Replica, log *slog.Logger) *policies.Service {
	return policies.New(store, rep, policySettings(c, rep), log)
}

func policySettings(c config.Config, rep *replica.Replica) policies.Settings {
	return policies.Settings{
		ReadInventory: httpapi.ReadInventory, OnePerson: c.Auth == config.AuthNone, BreakGlassFor: c.BreakGlassFor, Now: rep.Now,
		NotifyConflicts: c.NotifyConflicts, HostMappingMaxAge: c.HostMappingMaxAge,
	}
}

func newInventory(c config.Config, store *postgres.Store, rep *replica.Replica, log *slog.Logger) *inventory.Service {
	return inventory.New(store, rep, inventory.Options{
		AllowFacts: c.Dev, Now: rep.Now, BreakGlassFor: c.BreakGlassFor, HostMappingMaxAge: c.HostMappingMaxAge, Log: log,
	})
}

// loadConnections reads what grants say of connections; without a file they say nothing.
func loadConnections(path string) (httpapi.Connections, error) {
	if path == "" {
		return httpapi.Connections{}, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return httpapi.Connections{}, fmt.Errorf("connections file: %w", err)
	}
	return httpapi.ParseConnections(data)
}

// lazyConsole builds the console when somebody first looks at it: its documents take longer than all else at the start.
func lazyConsole(log *slog.Logger) http.Handler {
	build := sync.OnceValues(newConsole)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, err := build()
		if err != nil {
			log.ErrorContext(r.Context(), "the console cannot be built", "error", err.Error())
			http.Error(w, "the console cannot be shown; the log says why", http.StatusInternalServerError)
			return
		}
		page.ServeHTTP(w, r)
	})
}

func newConsole() (http.Handler, error) {
	var docs []console.Document
	for _, name := range openapi.Names() {
		doc, err := openapi.Load(name)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		data, err := openapi.JSON(name)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		docs = append(docs, console.Document{Name: name, Title: doc.Info.Title, JSON: data})
	}
	return console.Handler(docs...)
}

// database is the store, and the private server behind it when there is one.
type database struct {
	store  *postgres.Store
	server *embedded.Server
}

// openDatabase starts the private server when no URL is given, migrates that one, and opens the store as the
// role that owns nothing.
func openDatabase(ctx context.Context, c config.Config, log *slog.Logger, tel *telemetry.Telemetry) (*database, error) {
	db, url := &database{}, c.DatabaseURL
	secrets, err := seal.Load(c.SecretsKeyFile)
	if err != nil {
		return nil, err
	}
	if url == "" {
		server, err := embedded.Start(ctx, embedded.Options{DataDir: c.DataDir, BinDir: c.PGBinDir, Logger: log})
		if err != nil {
			return nil, err
		}
		db.server, url = server, server.AppURL()
		if err := postgres.Migrate(ctx, server.OwnerURL()); err != nil {
			db.close(log)
			return nil, err
		}
	}
	store, err := postgres.Open(ctx, url, postgres.Options{
		MaxConns: int32(c.DatabaseConns), OnePerson: c.Auth == config.AuthNone, ApprovalFor: c.ApprovalFor,
		Traces: tel.TracerProvider(), Secrets: secrets,
		OnNotice: func(severity, code, message string) {
			log.WarnContext(ctx, "notice of the database", "severity", severity, "code", code, "message", message)
		},
	})
	if err != nil {
		db.close(log)
		return nil, err
	}
	db.store = store
	unreadable, err := store.SealSecrets(ctx)
	if err != nil {
		db.close(log)
		return nil, err
	}
	if unreadable > 0 {
		log.Warn("subscriptions have secrets that no key of the secrets key file opens: bring the key back, or have them subscribe again", "subscriptions", unreadable)
	}
	return db, nil
}

func (db *database) close(log *slog.Logger) {
	if db.store != nil {
		db.store.Close()
	}
	if db.server != nil {
		stopped(log, "private database", db.server.Stop)
	}
}

// failed is closed when the private server ends by itself.
func (db *database) failed() <-chan struct{} {
	if db.server == nil {
		return nil
	}
	return db.server.Done()
}

// stopped ends a part with a deadline of its own, because the process's context has ended by then.
func stopped(log *slog.Logger, what string, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		log.Warn("not stopped in order", "part", what, "error", err.Error())
	}
}

// listen serves until the context ends, then drains.
func listen(ctx context.Context, c config.Config, log *slog.Logger, tel *telemetry.Telemetry, rep *replica.Replica, db *database,
	handler http.Handler, pt parts, ready func(string),
) error {
	polls, endPolls := context.WithCancel(context.Background())
	defer endPolls()
	ls, err := openListeners(polls, c, pt.tls, log, handler, adminHandler(tel, rep))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	ls.run(group)
	group.Go(func() error { return rep.Run(ctx) })
	group.Go(func() error { return pt.notifications.Run(ctx) })
	group.Go(func() error { return pt.grants.RunPending(ctx, pt.delivery.Wake) })
	group.Go(func() error { return pt.compliance.Run(ctx) })
	group.Go(func() error { return pt.watch.Run(ctx) })
	group.Go(func() error { return pt.vnfms.Run(ctx) })
	if pt.relay != nil {
		group.Go(func() error { return pt.relay.Run(ctx) })
	}
	group.Go(func() error { return sweep(ctx, log, pt) })
	group.Go(func() error { return pt.api.RecordRefusals(ctx) })
	group.Go(func() error { return pt.callbacks.run(ctx) })
	if pt.issuer != nil {
		group.Go(func() error { return pt.issuer.Run(ctx) })
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-db.failed():
			return fmt.Errorf("the private database ended: %w", db.server.Err())
		}
	})
	log.Info("ringfence serves", "url", ls.apiURL, "console", ls.apiURL+"/console/", "admin", ls.adminURL)
	if ready != nil {
		ready(ls.apiURL)
	}
	group.Go(func() error {
		<-ctx.Done()
		pt.delivery.Drain()
		return drain(c, log, ls.servers[:], endPolls)
	})
	return group.Wait()
}

// drain lets running requests end: waiting polls at once, others within the drain timeout.
func drain(c config.Config, log *slog.Logger, servers []*http.Server, endPolls func()) error {
	log.Info("draining", "timeout", c.DrainTimeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), c.DrainTimeout)
	defer cancel()
	timer := time.AfterFunc(c.DrainTimeout/2, endPolls)
	defer timer.Stop()
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// sweep makes reservations that nobody confirmed in time UNCONFIRMED, and changes of the inventory that nobody decided EXPIRED.
func sweep(ctx context.Context, log *slog.Logger, pt parts) error {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for what, expire := range map[string]func(context.Context, int) (int, error){"reservations": pt.delivery.Expire, "pending changes": pt.inventory.Expire} {
			n, err := expire(ctx, sweepBatch)
			switch {
			case err != nil && ctx.Err() == nil:
				log.WarnContext(ctx, "what expired could not be looked for", "what", what, "error", err.Error())
			case n > 0:
				log.InfoContext(ctx, "expired", "what", what, "count", n)
			}
		}
	}
}
