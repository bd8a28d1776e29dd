#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, for FUZZTIME each (30s unless set).
#
# Stops at the first that fails; Go then has written the failing input below the package's testdata/fuzz: commit it with the fix.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fuzztime="${FUZZTIME:-30s}"
count=0
while read -r package; do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    printf '==> %s %s for %s\n' "$package" "$target" "$fuzztime"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x "$package" </dev/null
    count=$((count + 1))
  done
done < <(git grep --untracked -lE '^func Fuzz[A-Z]' -- '*_test.go' | xargs -r -n1 dirname | sort -u | sed 's|^|./|')

[ "$count" -gt 0 ] || {
  echo "error: no fuzz target was found, though the module has parsers" >&2
  exit 1
}
printf '%d fuzz targets passed\n' "$count"
