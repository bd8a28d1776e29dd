package arch

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// room is a row of the import table: a package with all below it, and what it may import of ours.
type room struct {
	path string
	// ours are the packages of the module that it may import, beside its own subpackages. A name ending in /... stands for a
	// whole subtree.
	ours []string
	// pure packages have no clock, no randomness of their own and no I/O, and import of others only what thirdParty names.
	pure       bool
	thirdParty []string
}

var (
	pure     = []string{"internal/placement", "internal/policy", "internal/fleet", "internal/solver", "internal/directive"}
	useCases = []string{
		"internal/grant", "internal/policies", "internal/inventory", "internal/catalogue", "internal/delivery",
		"internal/compliance", "internal/notify", "internal/auth", "internal/audit", "internal/packages", "internal/vnfm", "internal/relay",
	}
	outside = slices.Concat([]string{"api/...", "openapi", "internal/placement", "internal/sol013"}, useCases)
)

// table says who may import whom. cmd and test import everything, so they have no row.
var table = slices.Concat([]room{
	{path: "internal/placement", pure: true},
	{
		path: "internal/policy", pure: true, ours: []string{"internal/placement"},
		thirdParty: []string{"go.yaml.in/yaml/v3", "github.com/santhosh-tekuri/jsonschema/v6"},
	},
	{path: "internal/fleet", pure: true, ours: []string{"internal/placement", "internal/policy"}},
	{path: "internal/solver", pure: true, ours: []string{"internal/placement", "internal/policy", "internal/fleet"}},
	{path: "internal/directive", pure: true, ours: []string{"internal/placement", "internal/policy"}},
	{
		path: "internal/vnfd", pure: true, ours: []string{"internal/placement"},
		thirdParty: []string{"go.yaml.in/yaml/v3", "k8s.io/apimachinery/pkg/api/resource"},
	},
	{path: "internal/sol013", pure: true, ours: []string{"internal/placement"}},
	{path: "internal/chart", ours: []string{"internal/vnfd"}},
	{path: "internal/postgres", ours: []string{"internal/placement", "internal/seal", "internal/sol013", "migrations"}},
	{path: "internal/replica", ours: pure},
	{path: "internal/httpapi", ours: outside},
	{path: "internal/console", ours: outside},
	{path: "internal/config"},
	{path: "internal/transport"},
	{path: "internal/seal"},
	{path: "internal/peer", ours: []string{"internal/transport"}},
	{path: "internal/telemetry"},
	{path: "internal/cism", ours: []string{"api/...", "internal/directive"}},
	{path: "internal/agent", ours: []string{"api/..."}},
	{path: "api"},
	{path: "openapi"},
	{path: "migrations"},
	{path: "deployments"},
}, useCaseRooms())

func useCaseRooms() []room {
	rooms := make([]room, 0, len(useCases))
	for _, useCase := range useCases {
		ours := pure
		if useCase == "internal/packages" { // what decides has nothing to do with what providers ship
			ours = slices.Concat(pure, []string{"internal/vnfd"})
		}
		if useCase == "internal/vnfm" || useCase == "internal/relay" { // whose work is to call others
			ours = slices.Concat(pure, []string{"internal/peer"})
		}
		rooms = append(rooms, room{path: useCase, ours: ours})
	}
	return rooms
}

// confinement keeps a third party, or a part of the standard library, in the packages that wrap it.
type confinement struct {
	imports []string
	rooms   []string
	why     string
}

var confinements = []confinement{
	{
		imports: []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/klog", "k8s.io/kube-scheduler"},
		rooms:   []string{"internal/cism", "internal/vnfd"}, why: "what knows Kubernetes is there, and the quantities of manifests",
	},
	{imports: []string{"helm.sh/helm"}, rooms: []string{"internal/chart"}, why: "charts are rendered there, in a process of their own"},
	{
		imports: []string{
			"github.com/containerd", "github.com/containers/ocicrypt", "k8s.io/cri-api", "github.com/opencontainers",
		},
		rooms: []string{"internal/agent"}, why: "what a host's container runtime is asked is there",
	},
	{
		imports: []string{"github.com/jackc/pgx", "github.com/golang-migrate/migrate", "database/sql"},
		rooms:   []string{"internal/postgres"}, why: "all SQL is there",
	},
	{
		imports: []string{"github.com/go-chi/chi", "github.com/getkin/kin-openapi", "github.com/oapi-codegen"},
		rooms:   []string{"internal/httpapi", "api", "openapi"}, why: "routing and validation by the contract are there",
	},
	{
		imports: []string{
			"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "go.opentelemetry.io/contrib/exporters",
			"go.opentelemetry.io/contrib/bridges/prometheus",
		},
		rooms: []string{"internal/telemetry"}, why: "elsewhere use the API of OpenTelemetry, not its SDK",
	},
}

// impure are the parts of the standard library that no pure package imports.
var impure = []string{
	"crypto/rand", "database/sql", "io/fs", "log", "net", "net/http", "os", "path/filepath", "syscall",
}

// never are imported by nothing of ours, tests included.
var never = map[string]string{
	"github.com/stretchr/testify": "tests use testing and go-cmp",
	"github.com/pkg/errors":       "use errors and fmt.Errorf with %w",
	"gopkg.in/yaml.v3":            "use go.yaml.in/yaml/v3, which is maintained",
	"math/rand":                   "use math/rand/v2",
}

// Imports reports every import that the table of ARCHITECTURE.md does not allow. Tests may import what they like, but for what
// nothing of ours imports.
func Imports(tree *Tree) []Finding {
	var findings []Finding
	for _, file := range tree.Files {
		for i, imported := range file.Imports() {
			problem := forbidden(file, imported)
			if problem == "" {
				continue
			}
			findings = append(findings, Finding{
				Rule: "imports", Path: file.Path, Line: tree.line(file.Syntax.Imports[i].Pos()), Message: problem,
			})
		}
	}
	return append(findings, homeless(tree)...)
}

// forbidden says why the file may not import that path; empty: it may.
func forbidden(file File, imported string) string {
	for name, instead := range never {
		if within(imported, name) && imported != name+"/v2" {
			return fmt.Sprintf("nothing imports %s: %s", name, instead)
		}
	}
	if file.Test || within(file.Package(), "test") {
		return ""
	}
	if forTests(imported) && !forTests(file.Package()) {
		return fmt.Sprintf("%s is for tests; what ships does not import it", imported)
	}
	if problem := confined(file, imported); problem != "" {
		return problem
	}
	home, found := roomOf(file.Package())
	if !found {
		return ""
	}
	if ours, is := strings.CutPrefix(imported, Module+"/"); is {
		return home.forbidsOurs(ours)
	}
	return home.forbidsOthers(imported)
}

func (r room) forbidsOurs(imported string) string {
	if within(imported, r.path) {
		return ""
	}
	for _, allowed := range r.ours {
		subtree, whole := strings.CutSuffix(allowed, "/...")
		if imported == allowed || whole && within(imported, subtree) {
			return ""
		}
	}
	return fmt.Sprintf("%s may not import %s; it may import %s", r.path, imported, list(r.ours))
}

func (r room) forbidsOthers(imported string) string {
	if !r.pure {
		return ""
	}
	if slices.Contains(impure, imported) || within(imported, "os") || within(imported, "log") {
		return fmt.Sprintf("%s is pure: no clock, no randomness, no I/O, so not %s", r.path, imported)
	}
	if !strings.Contains(imported, ".") { // the standard library
		return ""
	}
	if !slices.ContainsFunc(r.thirdParty, func(allowed string) bool { return within(imported, allowed) }) {
		return fmt.Sprintf("%s may not import %s; of others it may import %s", r.path, imported, list(r.thirdParty))
	}
	return ""
}

func confined(file File, imported string) string {
	for _, c := range confinements {
		for _, prefix := range c.imports {
			if within(imported, prefix) && !slices.ContainsFunc(c.rooms, func(r string) bool { return within(file.Package(), r) }) {
				return fmt.Sprintf("only %s may import %s: %s", strings.Join(c.rooms, ", "), prefix, c.why)
			}
		}
	}
	return ""
}

// homeless reports packages below internal that the table does not know.
func homeless(tree *Tree) []Finding {
	var findings []Finding
	seen := map[string]bool{}
	for file := range tree.production {
		folder := file.Package()
		if _, known := roomOf(folder); known || seen[folder] || !within(folder, "internal") {
			continue
		}
		seen[folder] = true
		findings = append(findings, Finding{
			Rule: "imports", Path: folder,
			Message: "this package has no row in the import table; say in ARCHITECTURE.md why none of the present ones is its home, then add the row here and in .golangci.yml",
		})
	}
	return findings
}

func roomOf(folder string) (room, bool) {
	for _, r := range table {
		if within(folder, r.path) {
			return r, true
		}
	}
	return room{}, false
}

// forTests says whether a package exists for tests only, as httptest and fstest do.
func forTests(imported string) bool {
	base := path.Base(imported)
	return base == "testing" || strings.HasSuffix(base, "test") && base != "test"
}

// within says whether the path is the folder or lies below it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
