// Package arch holds the project to its architecture: who may import whom, how long a file and a function may grow, what must be
// documented, how migrations are numbered. Its test reads the whole checkout; every rule is also shown a small tree that breaks
// it, because a rule that cannot fail guards nothing.
//
// The import table is deliberately a second copy of the one that the linter enforces: neither tool's blind spot is the project's.
// The package must not import anything of ringfence, or run anything: it reads source text.
package arch
