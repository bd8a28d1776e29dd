#!/usr/bin/env bash
# Builds the programs of containerd that test/nfvi runs beside the packaged ones, of the version that go.mod pins, unless they
# are there already.
#
#   build.sh            containerd, its shim for runc, and ctr
#   build.sh --check    builds nothing; fails when something is missing
#
# They are kept between runs, below $XDG_CACHE_HOME (~/.cache). The first build takes about three minutes on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

module=github.com/containerd/containerd/v2
version="$(go list -m -f '{{.Version}}' "$module")"
folder="${RINGFENCE_NFVI_CONTAINERD:-${XDG_CACHE_HOME:-$HOME/.cache}/ringfence/nfvi/containerd-$version}"

for program in containerd containerd-shim-runc-v2 ctr; do
  if [ -x "$folder/$program" ]; then
    continue
  fi
  if [ "${1:-}" = --check ]; then
    echo "$folder/$program is missing; test/nfvi/containerd/build.sh builds it" >&2
    exit 1
  fi
  mkdir -p "$folder"
  echo "building $program $version into $folder" >&2
  # A build that is interrupted leaves nothing that looks complete.
  CGO_ENABLED=0 go build -p 2 -trimpath -ldflags "-s -w -X $module/version.Version=$version" -o "$folder/.$program.$$" "$module/cmd/$program"
  mv "$folder/.$program.$$" "$folder/$program"
done
