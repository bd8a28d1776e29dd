package arch

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

var migrationName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.(up|down)\.sql$`)

// Migrations reports what is wrong with the names of the migrations: each number is used once, has a way up and a way down, and
// none is left out. Two branches that both add the next number merge without a conflict; this is where it shows.
func Migrations(tree *Tree) []Finding {
	var findings []Finding
	report := func(name, format string, args ...any) {
		findings = append(findings, Finding{Rule: "migrations", Path: name, Message: fmt.Sprintf(format, args...)})
	}

	titles := map[int]string{}
	ways := map[int][]string{}
	highest := 0
	for _, name := range tree.Others {
		if path.Dir(name) != "migrations" || !strings.HasSuffix(name, ".sql") || path.Base(name) == "schema.sql" {
			continue
		}
		parts := migrationName.FindStringSubmatch(path.Base(name))
		if parts == nil {
			report(name, "not a migration's name; use NNNN_what_it_does.up.sql and .down.sql")
			continue
		}
		number, err := strconv.Atoi(parts[1])
		if err != nil {
			report(name, "not a number: %v", err)
			continue
		}
		if title, taken := titles[number]; taken && title != parts[2] {
			report(name, "number %s is taken by %s; use the next free one", parts[1], title)
		}
		titles[number] = parts[2]
		ways[number] = append(ways[number], parts[3])
		highest = max(highest, number)
	}
	for number := 1; number <= highest; number++ {
		switch {
		case len(ways[number]) == 0:
			report("migrations", "number %04d is missing; migrations are numbered without gaps", number)
		case len(ways[number]) == 1:
			report("migrations", "number %04d has only a way %s", number, ways[number][0])
		}
	}
	return findings
}
