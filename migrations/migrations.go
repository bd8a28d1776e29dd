// Package migrations holds the numbered changes of the database schema as files, embedded in the binary.
//
// Every number is a pair, NNNN_name.up.sql and NNNN_name.down.sql, and every file is one transaction of its own. Package
// postgres runs them. schema.sql is what they add up to, for readers; a test keeps it current. The package holds no
// code that touches a database.
package migrations

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
)

// Files holds the migrations.
//
//go:embed *.up.sql *.down.sql
var Files embed.FS

// Latest returns the number of the newest migration: the schema version that this binary works with.
func Latest() (uint, error) {
	entries, err := Files.ReadDir(".")
	if err != nil {
		return 0, fmt.Errorf("list the embedded migrations: %w", err)
	}
	var latest uint64
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("migration %s does not start with a number", e.Name())
		}
		latest = max(latest, n)
	}
	return uint(latest), nil
}
