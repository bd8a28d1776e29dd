package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"ringfence/internal/postgres"
	"ringfence/internal/postgres/pgtest"
	"ringfence/test/server"
	"ringfence/test/stub"
)

// What all tests share: the program, and the PostgreSQL that their databases are on.
var (
	database = pgtest.Server{Migrate: postgres.Migrate, Durable: true} // ringfence serves on no other
	program  string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "ringfence-contract-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if program, err = server.Build(context.Background(), folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := database.Run(m)
	if testing.Verbose() {
		if err := summary.write(os.Stdout); err != nil {
			return 1
		}
	}
	return code
}

// definitionsFolder is the folder of the definitions and samples; an error says that it is not here.
func definitionsFolder() (string, error) {
	root := os.Getenv("RINGFENCE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	folder := filepath.Join(root, "data", "sol")
	_, err := os.Stat(folder)
	return folder, err
}

// definitions is the folder of the definitions and samples. Where there is none the test is skipped.
func definitions(t *testing.T) string {
	t.Helper()
	folder, err := definitionsFolder()
	if err != nil {
		t.Skipf("the definitions of ETSI are not here (%v): set RINGFENCE_SHARED to a folder that has them below data/sol", err)
	}
	return folder
}

// start runs ringfence over TLS with an inventory and a policy in force.
func start(t *testing.T, inventory, policy string) stub.Client {
	t.Helper()
	_, appURL := database.NewDatabase(t)
	secured := server.NewTLS(t)
	p := server.Run(t.Context(), t, server.Options{Program: program, DatabaseURL: appURL, TLS: secured})
	p.Command(t.Context(), t, "import", inventory)
	p.Command(t.Context(), t, "policy", "apply", policy, "--activate")
	return stub.Client{URL: p.URL, HTTP: secured.Client(t)}
}

// startReference runs ringfence with the reference deployment.
func startReference(t *testing.T) stub.Client {
	t.Helper()
	const reference = "../../deployments/reference/"
	return start(t, reference+"deployment.yaml", reference+"policy.yaml")
}

// read reads a file.
func read(t *testing.T, elements ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// send makes a request that is answered with a status, and returns the answer and what its body says.
func send(t *testing.T, c stub.Client, status int, method, path, version string, body []byte) (stub.Answer, any) {
	t.Helper()
	header := http.Header{"Accept": {stub.TypeJSON}}
	if version != "" {
		header.Set("Version", version)
	}
	if body != nil {
		header.Set("Content-Type", stub.TypeJSON)
		if method == http.MethodPatch {
			header.Set("Content-Type", stub.TypeMergePatch)
		}
	}
	answer, err := c.Send(t.Context(), method, path, header, body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != status {
		t.Fatalf("%s %s is answered %d, want %d: %s", method, path, answer.Status, status, answer.Body)
	}
	var value any
	if len(answer.Body) > 0 {
		if err := json.Unmarshal(answer.Body, &value); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, answer.Body)
		}
	}
	return answer, value
}
