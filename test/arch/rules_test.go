package arch

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// sound is a small tree that breaks no rule. Every case below changes one file of it.
var sound = map[string]string{
	"cmd/ringfence/main.go":             "// Command ringfence places.\npackage main\n\nimport (\n\t_ \"ringfence/internal/httpapi\"\n\t_ \"ringfence/internal/postgres\"\n)\n",
	"internal/placement/doc.go":         "// Package placement is the domain.\npackage placement\n",
	"internal/policy/doc.go":            "// Package policy compiles.\npackage policy\n\nimport (\n\t_ \"embed\"\n\t_ \"go.yaml.in/yaml/v3\"\n\t_ \"ringfence/internal/placement\"\n)\n",
	"internal/policies/doc.go":          "// Package policies keeps them.\npackage policies\n\nimport _ \"ringfence/internal/solver\"\n",
	"internal/fleet/doc.go":             "// Package fleet indexes.\npackage fleet\n\nimport _ \"ringfence/internal/policy\"\n",
	"internal/solver/doc.go":            "// Package solver searches.\npackage solver\n\nimport (\n\t_ \"math/rand/v2\"\n\t_ \"ringfence/internal/fleet\"\n)\n",
	"internal/postgres/doc.go":          "// Package postgres stores.\npackage postgres\n\nimport (\n\t_ \"github.com/jackc/pgx/v5\"\n\t_ \"ringfence/internal/postgres/embedded\"\n\t_ \"ringfence/migrations\"\n)\n",
	"internal/postgres/embedded/doc.go": "// Package embedded runs a server.\npackage embedded\n",
	"internal/httpapi/doc.go":           "// Package httpapi answers.\npackage httpapi\n\nimport (\n\t_ \"github.com/go-chi/chi/v5\"\n\t_ \"ringfence/api/grant\"\n\t_ \"ringfence/internal/policies\"\n)\n",
	"internal/solver/solver_test.go":    "package solver\n\nimport (\n\t_ \"net/http/httptest\"\n\t_ \"ringfence/internal/postgres\"\n)\n",
	"test/bench/main.go":                "// Command bench measures.\npackage main\n\nimport _ \"github.com/jackc/pgx/v5\"\n",
	"migrations/migrations.go":          "// Package migrations embeds.\npackage migrations\n",
	"migrations/schema.sql":             "",
	"migrations/0001_fleet.up.sql":      "",
	"migrations/0001_fleet.down.sql":    "",
	"migrations/0002_grant.up.sql":      "",
	"migrations/0002_grant.down.sql":    "",
}

// TestSoundTree shows that the rules are silent where nothing is wrong.
func TestSoundTree(t *testing.T) {
	t.Parallel()
	tree := load(t, nil)
	for name, rule := range rules {
		if findings := rule(tree); len(findings) > 0 {
			t.Errorf("%s: %v", name, findings)
		}
	}
}

// TestRulesCanFail breaks each rule in every way that it knows.
func TestRulesCanFail(t *testing.T) {
	t.Parallel()
	importing := func(pkg, imported string) string {
		return fmt.Sprintf("package %s\n\nimport _ %q\n", pkg, imported)
	}
	cases := []struct {
		rule, name string
		path, text string
		want       []string
	}{
		{"imports", "the domain imports ours", "internal/placement/a.go", importing("placement", "ringfence/internal/policy"), []string{"internal/placement/a.go:3: internal/placement may not import internal/policy; it may import nothing (imports)"}},
		{"imports", "the domain does I/O", "internal/placement/a.go", importing("placement", "os/exec"), []string{"internal/placement/a.go:3: internal/placement is pure: no clock, no randomness, no I/O, so not os/exec (imports)"}},
		{"imports", "the domain imports a third party", "internal/placement/a.go", importing("placement", "github.com/google/uuid"), []string{"internal/placement/a.go:3: internal/placement may not import github.com/google/uuid; of others it may import nothing (imports)"}},
		{"imports", "policy imports policies", "internal/policy/a.go", importing("policy", "ringfence/internal/policies"), []string{"internal/policy/a.go:3: internal/policy may not import internal/policies; it may import internal/placement (imports)"}},
		{"imports", "fleet imports the solver", "internal/fleet/a.go", importing("fleet", "ringfence/internal/solver"), []string{"internal/fleet/a.go:3: internal/fleet may not import internal/solver; it may import internal/placement, internal/policy (imports)"}},
		{"imports", "the solver draws secrets", "internal/solver/a.go", importing("solver", "crypto/rand"), []string{"internal/solver/a.go:3: internal/solver is pure: no clock, no randomness, no I/O, so not crypto/rand (imports)"}},
		{"imports", "directives read the fleet", "internal/directive/a.go", importing("directive", "ringfence/internal/fleet"), []string{"internal/directive/a.go:3: internal/directive may not import internal/fleet; it may import internal/placement, internal/policy (imports)"}},
		{"imports", "a use case knows the store", "internal/grant/a.go", importing("grant", "ringfence/internal/postgres"), []string{"internal/grant/a.go:3: internal/grant may not import internal/postgres; it may import internal/placement, internal/policy, internal/fleet, internal/solver, internal/directive (imports)"}},
		{"imports", "a use case imports another", "internal/policies/a.go", importing("policies", "ringfence/internal/grant"), []string{"internal/policies/a.go:3: internal/policies may not import internal/grant; it may import internal/placement, internal/policy, internal/fleet, internal/solver, internal/directive (imports)"}},
		{"imports", "the store decides", "internal/postgres/a.go", importing("postgres", "ringfence/internal/solver"), []string{"internal/postgres/a.go:3: internal/postgres may not import internal/solver; it may import internal/placement, internal/seal, internal/sol013, migrations (imports)"}},
		{"imports", "a part of the store decides", "internal/postgres/embedded/a.go", importing("embedded", "ringfence/internal/grant"), []string{"internal/postgres/embedded/a.go:3: internal/postgres may not import internal/grant; it may import internal/placement, internal/seal, internal/sol013, migrations (imports)"}},
		{"imports", "configuration knows the domain", "internal/config/a.go", importing("config", "ringfence/internal/placement"), []string{"internal/config/a.go:3: internal/config may not import internal/placement; it may import nothing (imports)"}},
		{"imports", "the contract knows the domain", "api/grant/a.go", importing("grant", "ringfence/internal/placement"), []string{"api/grant/a.go:3: api may not import internal/placement; it may import nothing (imports)"}},
		{"imports", "SQL outside the store", "internal/grant/a.go", importing("grant", "github.com/jackc/pgx/v5/pgxpool"), []string{"internal/grant/a.go:3: only internal/postgres may import github.com/jackc/pgx: all SQL is there (imports)"}},
		{"imports", "SQL in the command", "cmd/ringfence/a.go", importing("main", "github.com/golang-migrate/migrate/v4"), []string{"cmd/ringfence/a.go:3: only internal/postgres may import github.com/golang-migrate/migrate: all SQL is there (imports)"}},
		{"imports", "routing outside", "internal/console/a.go", importing("console", "github.com/go-chi/chi/v5"), []string{"internal/console/a.go:3: only internal/httpapi, api, openapi may import github.com/go-chi/chi: routing and validation by the contract are there (imports)"}},
		{"imports", "the telemetry SDK outside", "internal/grant/a.go", importing("grant", "go.opentelemetry.io/otel/sdk/trace"), []string{"internal/grant/a.go:3: only internal/telemetry may import go.opentelemetry.io/otel/sdk: elsewhere use the API of OpenTelemetry, not its SDK (imports)"}},
		{"imports", "a package for tests ships", "internal/httpapi/a.go", importing("httpapi", "net/http/httptest"), []string{"internal/httpapi/a.go:3: net/http/httptest is for tests; what ships does not import it (imports)"}},
		{"imports", "an assertion framework", "internal/grant/a_test.go", importing("grant", "github.com/stretchr/testify/require"), []string{"internal/grant/a_test.go:3: nothing imports github.com/stretchr/testify: tests use testing and go-cmp (imports)"}},
		{"imports", "the old math/rand", "internal/solver/a_test.go", importing("solver", "math/rand"), []string{"internal/solver/a_test.go:3: nothing imports math/rand: use math/rand/v2 (imports)"}},
		{"imports", "a package without a row", "internal/extra/a.go", "// Package extra is new.\npackage extra\n", []string{"internal/extra: this package has no row in the import table; say in ARCHITECTURE.md why none of the present ones is its home, then add the row here and in .golangci.yml (imports)"}},

		{"budgets", "a long file", "internal/grant/a.go", "package grant\n" + strings.Repeat("\n", 400), []string{"internal/grant/a.go: 401 lines, 400 wanted, 600 allowed: split it by noun (budgets) advice"}},
		{"budgets", "a file too long", "internal/grant/a.go", "package grant\n" + strings.Repeat("\n", 600), []string{"internal/grant/a.go: 601 lines, 400 wanted, 600 allowed: split it by noun (budgets)"}},
		{"budgets", "a long function", "internal/grant/a.go", "package grant\n\nfunc f() {\n" + strings.Repeat("\n", 59) + "}\n", []string{"internal/grant/a.go:3: f has 61 lines, 60 wanted, 100 allowed: name its parts (budgets) advice"}},
		{"budgets", "a method too long", "internal/grant/a.go", "package grant\n\nfunc (t) f() {\n" + strings.Repeat("\n", 99) + "}\n", []string{"internal/grant/a.go:3: f has 101 lines, 60 wanted, 100 allowed: name its parts (budgets)"}},
		{"budgets", "a long test is fine", "internal/grant/a_test.go", "package grant\n" + strings.Repeat("\n", 900), nil},
		{"budgets", "long generated code is fine", "api/grant/a.gen.go", "// Code generated by a tool. DO NOT EDIT.\n\npackage grant\n" + strings.Repeat("\n", 900), nil},

		{"package-comments", "none", "internal/grant/a.go", "package grant\n", []string{"internal/grant: no package comment; say what the package is for and what it must not do (package-comments)"}},
		{"package-comments", "one that is not attached", "internal/grant/a.go", "// Package grant decides.\n\npackage grant\n", []string{"internal/grant: no package comment; say what the package is for and what it must not do (package-comments)"}},
		{"package-comments", "one that names another", "internal/grant/a.go", "// Package other decides.\npackage grant\n", []string{"internal/grant: no package comment; say what the package is for and what it must not do (package-comments)"}},
		{"package-comments", "a folder of tests needs none", "test/contract/a_test.go", "package contract\n", nil},

		{"documented", "less than four fifths", "internal/grant/a.go", "package grant\n\n// A is one.\ntype A int\n\n// B is two.\nfunc B() {}\n\nfunc (A) C() {}\n\nvar D, E = 1, 2\n", []string{"internal/grant: 2 of 5 exported identifiers are documented, 80 % wanted; missing: C, D, E (documented)"}},
		{"documented", "four fifths will do", "internal/grant/a.go", "package grant\n\n// These are four.\nconst (\n\tA = 1\n\tB = 2\n\tC = 3\n\tD = 4\n)\n\nfunc E() {}\n", nil},
		{"documented", "what an interface fixes does not count", "internal/grant/a.go", "package grant\n\n// A is one.\ntype A int\n\nfunc (*A) Error() string { return \"\" }\n", nil},
		{"documented", "methods of private types do not count", "internal/grant/a.go", "package grant\n\ntype a int\n\nfunc (*a) Exported() {}\n", nil},

		{"names", "an empty package name", "cmd/ringfence/utils/a.go", "package utils\n", []string{"cmd/ringfence/utils: package utils says nothing; name it by what it provides (names)"}},
		{"names", "an empty type name", "internal/grant/a.go", "package grant\n\ntype storeImpl struct{}\n", []string{"internal/grant/a.go:3: type storeImpl: Impl says nothing; name it by the field's term (names)"}},

		{"domain-tags", "a tag", "internal/placement/a.go", "package placement\n\ntype a struct {\n\tB int `json:\"b\"`\n}\n", []string{"internal/placement/a.go:4: domain types carry no tags; convert in the package that needs the spelling (domain-tags)"}},
		{"domain-tags", "tags of rows are fine", "internal/postgres/a.go", "package postgres\n\ntype a struct {\n\tB int `db:\"b\"`\n}\n", nil},

		{"registration", "an init function", "internal/grant/a.go", "package grant\n\nfunc init() {}\n", []string{"internal/grant/a.go:3: no init functions; let the caller call (registration)"}},
		{"registration", "a method of that name is fine", "internal/grant/a.go", "package grant\n\nfunc (t) init() {}\n", nil},

		{"migrations", "a number used twice", "migrations/0002_zone.up.sql", "", []string{"migrations/0002_zone.up.sql: number 0002 is taken by grant; use the next free one (migrations)"}},
		{"migrations", "a gap", "migrations/0004_zone.up.sql", "", []string{"migrations: number 0003 is missing; migrations are numbered without gaps (migrations)", "migrations: number 0004 has only a way up (migrations)"}},
		{"migrations", "no way down", "migrations/0003_zone.up.sql", "", []string{"migrations: number 0003 has only a way up (migrations)"}},
		{"migrations", "another name", "migrations/zone.sql", "", []string{"migrations/zone.sql: not a migration's name; use NNNN_what_it_does.up.sql and .down.sql (migrations)"}},
	}

	broken := map[string]bool{}
	for _, c := range cases {
		broken[c.rule] = broken[c.rule] || len(c.want) > 0
		t.Run(c.rule+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, finding := range rules[c.rule](load(t, map[string]string{c.path: c.text})) {
				text := finding.String()
				if finding.Advice {
					text += " advice"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
	for name := range rules {
		if !broken[name] {
			t.Errorf("no tree breaks the rule %s", name)
		}
	}
}

// TestUnreadable shows that a file that no rule could judge is not passed over.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	if _, err := Load(fstest.MapFS{"a.go": {Data: []byte("packag a")}}); err == nil {
		t.Error("a file that does not parse was read without an error")
	}
}

// load reads the sound tree with the given files in place of, or beside, its own.
func load(t *testing.T, changes map[string]string) *Tree {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range sound {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range changes {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
