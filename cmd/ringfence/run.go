package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"ringfence/internal/config"
)

// The exit codes: what scripts can tell apart.
const (
	exitOK      = 0
	exitLocal   = 1 // usage, or something wrong on this machine
	exitServer  = 2 // the server answered an error, or not at all
	exitRefused = 3 // the server decided: refused, or findings against a document
	exitWaits   = 4 // the server took it, and somebody else has to approve it first
)

// process is what a command has of the outside.
type process struct {
	args   []string
	getenv func(string) string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// exitError ends the process with a code; a message that was shown already is empty.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// errShown says that the command has told the person already what is wrong.
var errShown = errors.New("shown already")

// run executes a command line and returns its exit code.
func run(ctx context.Context, p process) int {
	root := newRoot(p)
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errShown) {
		_, _ = fmt.Fprintln(p.stderr, "ringfence: "+err.Error())
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitLocal
}

func newRoot(p process) *cobra.Command {
	root := &cobra.Command{
		Use:   "ringfence",
		Short: "Placement policy for network functions: grants within 3GPP trust domains",
		Long: `ringfence decides whether and where the containers and VMs of network functions may run.

VNFMs ask it over the SOL003 granting API; it evaluates the operator's trust-domain policy against its
inventory, reserves the capacity durably, and tells the NFVI which workload may run on which host and
how images may lie in its cache.

The commands that talk to a service find it by RINGFENCE_URL (http://127.0.0.1:8080) and send it RINGFENCE_TOKEN.
RINGFENCE_CA_FILE names the authorities of its certificate, RINGFENCE_CERT_FILE and RINGFENCE_KEY_FILE the client's own, all PEM.

Exit codes: 0 done, 1 a fault on this side, 2 the server answered an error, 3 refused by decision, 4 taken, but it waits for a second person.`,
		Example: `  ringfence serve --dev                          # a private database, no authentication, loopback only
  ringfence import deployment.yaml               # load a fleet
  ringfence policy apply policy.yaml --activate  # put a policy in force
  ringfence grant request.json                   # ask for a grant
  ringfence explain request.json --host h05      # why, or why not`,
		SilenceUsage: true, SilenceErrors: true, Version: version(),
	}
	root.AddGroup(
		&cobra.Group{ID: groupDecide, Title: "Decide:"},
		&cobra.Group{ID: groupOperate, Title: "Operate:"},
		&cobra.Group{ID: groupServe, Title: "Serve:"},
	)
	for _, cmd := range []*cobra.Command{newServe(p), newAgent(p), newCISM(p), newMigrate(p), newBackup(p), newRestore(p), newHealth(p)} {
		cmd.GroupID = groupServe
		root.AddCommand(cmd)
	}
	root.AddCommand(clientCommands(p)...)
	root.AddCommand(newVersion(p), newRenderChart(p))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	return root
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func newVersion(p process) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: takes(),
		Long: "Print the version of this program.", Example: "  ringfence version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, "ringfence", version())
			return err
		},
	}
}

// addSettings gives a command a flag for each setting of the server, or for those that it names.
func addSettings(cmd *cobra.Command, only ...string) {
	settings := config.Settings()
	for i := range settings {
		s := &settings[i]
		if len(only) > 0 && !slices.Contains(only, s.Name) {
			continue
		}
		cmd.Flags().String(s.Name, s.Default, s.Usage+" ["+s.Env()+"]")
	}
	cmd.Flags().String("config", "", "YAML file of settings, by the names of these flags [RINGFENCE_CONFIG]")
}

// loadSettings reads flags, environment and file.
func loadSettings(cmd *cobra.Command, p process, dev bool) (config.Config, error) {
	given := map[string]string{}
	settings := config.Settings()
	for i := range settings {
		if f := cmd.Flags().Lookup(settings[i].Name); f != nil && f.Changed {
			given[settings[i].Name] = f.Value.String()
		}
	}
	path, _ := cmd.Flags().GetString("config")
	if path == "" {
		path = p.getenv("RINGFENCE_CONFIG")
	}
	file := map[string]string{}
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return config.Config{}, fmt.Errorf("configuration file: %w", err)
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			return config.Config{}, fmt.Errorf("configuration file %s: %w", path, err)
		}
	}
	c, err := config.Load(dev, given, file, p.getenv)
	if c.LogFormat == "" {
		c.LogFormat = "json"
		if isTerminal(p.stderr) {
			c.LogFormat = "text"
		}
	}
	return c, err
}
