#!/bin/sh
# Vendors Swagger UI again, from the npm package that swagger-ui/VENDOR names, and proves that it is that package.
#
#   internal/console/update.sh            fetch, verify, replace the files in swagger-ui/
#   internal/console/update.sh --check    fetch, verify, compare with the files in swagger-ui/; change nothing
#                                         (the Go test compares the compressed files with swagger-ui/SHA256SUMS)
#
# To move to another version: write its number and its sha512 (npm view swagger-ui-dist@VERSION dist.integrity)
# into swagger-ui/VENDOR, run this script, run the browser test in test/e2e, commit.
#
# `npm pack --ignore-scripts` downloads the package and nothing else: neither the package's install analytics
# (@scarf/scarf) nor any other script runs. Needs npm, openssl, tar and gzip.
set -eu
cd "$(dirname "$0")"

version=$(sed -n 's/^version: *//p' swagger-ui/VENDOR)
integrity=$(sed -n 's/^integrity: *//p' swagger-ui/VENDOR)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

(cd "$scratch" && npm pack --silent --ignore-scripts "swagger-ui-dist@$version" >/dev/null)
archive="$scratch/swagger-ui-dist-$version.tgz"
actual="sha512-$(openssl dgst -sha512 -binary "$archive" | openssl base64 -A)"
if [ "$actual" != "$integrity" ]; then
	echo "swagger-ui-dist $version has integrity $actual, but swagger-ui/VENDOR says $integrity; nothing was changed" >&2
	exit 1
fi
tar -xzf "$archive" -C "$scratch"

target=swagger-ui
if [ "${1:-}" = --check ]; then
	target="$scratch/fresh"
	mkdir "$target"
fi
for name in swagger-ui.css swagger-ui-bundle.js; do
	gzip -9nc "$scratch/package/$name" >"$target/$name.gz"
done
for name in LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt; do
	cp "$scratch/package/$name" "$target/$name"
done
(cd "$scratch/package" && sha256sum swagger-ui.css swagger-ui-bundle.js) >"$target/SHA256SUMS"

if [ "$target" != swagger-ui ]; then
	diff -r --exclude=VENDOR --exclude='*.gz' "$target" swagger-ui
fi
echo "swagger-ui-dist $version: integrity verified"
