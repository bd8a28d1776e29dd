package main

import (
	"cmp"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"ringfence/internal/cism"
	"ringfence/internal/telemetry"
)

func newCISM(p process) *cobra.Command {
	var (
		o                   cism.Options
		clusterFile         string
		logLevel, logFormat string
	)
	cmd := &cobra.Command{
		Use: "cism", Short: "Hold a Kubernetes cluster to what was granted", Args: takes(),
		Long: `Hold a Kubernetes cluster to what was granted: a pod runs only with a standing grant, where and how it was granted.

The process follows the directives of one VIM connection and answers the cluster's API server (mutating and validating
webhook) and scheduler (extender) by TLS. deployments/kubernetes has the manifests and says how pods name their grant.

When ringfence is silent for longer than --max-silence, nothing new starts; what runs stays. Pods of the fabric, such as
network plug-ins, are listed in the cluster file and need no grant.`,
		Example: `  ringfence cism --vim-connection k8s-lon --url https://ringfence.example.com --token-file token \
    --tls-cert-file tls.crt --tls-key-file tls.key --cluster-file cluster.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Service.URL = cmp.Or(o.Service.URL, p.getenv("RINGFENCE_URL"), defaultURL)
			if o.MaxSilence <= 0 || o.BreakGlass.For <= 0 {
				return errors.New("--max-silence and --break-glass-for are durations above zero")
			}
			o.Service.UserAgent = "ringfence-cism/" + version()
			var err error
			if o.Cluster, err = cism.LoadCluster(clusterFile); err != nil {
				return err
			}
			if logFormat == "" && isTerminal(p.stderr) {
				logFormat = "text"
			}
			if o.Log, err = telemetry.NewLogger(p.stderr, logLevel, cmp.Or(logFormat, "json")); err != nil {
				return err
			}
			return cism.Run(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Service.URL, "url", "", "where ringfence is [RINGFENCE_URL]")
	f.StringVar(&o.Service.TokenFile, "token-file", "", "file of the bearer token of this cluster (role AGENT, vimConnectionIds); read again when it changes")
	f.StringVar(&o.Service.CAFile, "ca-file", "", "certificate authorities of ringfence in PEM (default: those of the system)")
	f.StringVar(&o.Service.CertFile, "cert-file", "", "certificate (PEM) of this cluster, for mutual TLS with ringfence")
	f.StringVar(&o.Service.KeyFile, "key-file", "", "private key (PEM) of that certificate")
	f.StringVar(&o.VIMConnectionID, "vim-connection", "", "what the inventory calls this cluster (vimConnectionId of its hosts)")
	f.StringVar(&o.Kubeconfig, "kubeconfig", "", "file that leads to the cluster's API server (default: this process is a pod of the cluster)")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:9443", "address for the API server and the scheduler")
	f.StringVar(&o.AdminListen, "admin-listen", "127.0.0.1:9090", "address of health and metrics")
	f.StringVar(&o.TLS.CertFile, "tls-cert-file", "", "certificate of this server in PEM; read again when it changes")
	f.StringVar(&o.TLS.KeyFile, "tls-key-file", "", "key of that certificate in PEM")
	f.StringVar(&o.TLS.ClientCAFile, "client-ca-file", "", "authorities of the clients' certificates in PEM (default: whoever can connect is answered)")
	f.StringVar(&o.StateFile, "state-file", "", "where to keep what was read, so that a restart goes on there (default: everything is read again)")
	f.DurationVar(&o.MaxSilence, "max-silence", 2*time.Minute, "how long ringfence may be silent before nothing new starts")
	f.StringVar(&clusterFile, "cluster-file", "", "YAML file of fabric pods, debug images and device resources of the cluster")
	f.StringVar(&o.BreakGlass.Group, "break-glass-group", "", "group of users who may let pods start without a grant (default: nobody)")
	f.DurationVar(&o.BreakGlass.For, "break-glass-for", 4*time.Hour, "how far ahead they may set the end of that")
	f.BoolVar(&o.Report, "report", true, "tell ringfence what hosts without an agent run and cache")
	f.StringVar(&o.DefaultRuntime, "default-runtime", "runc", "what pods without a runtimeClassName run with, as the inventory names it")
	f.StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&logFormat, "log-format", "", "json or text (default: text on a terminal, else json)")
	return cmd
}
