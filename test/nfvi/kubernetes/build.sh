#!/usr/bin/env bash
# Builds the programs of Kubernetes that test/nfvi runs, of the version that go.mod pins, unless they are there already.
#
#   build.sh            kube-apiserver and kube-scheduler
#   build.sh --all      kubelet and kube-controller-manager as well
#   build.sh --check    builds nothing; fails when something is missing
#
# They are kept between runs, below $XDG_CACHE_HOME (~/.cache). The first build takes about ten minutes on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

version="$(go list -m -f '{{.Version}}' k8s.io/kubernetes)"
folder="${RINGFENCE_NFVI_KUBERNETES:-${XDG_CACHE_HOME:-$HOME/.cache}/ringfence/nfvi/$version}"
programs=(kube-apiserver kube-scheduler)
if [ "${1:-}" = --all ]; then
  programs+=(kube-controller-manager kubelet)
fi

component=k8s.io/component-base/version
minor="${version#v1.}"
flags="-s -w -X $component.gitVersion=$version -X $component.gitMajor=1 -X $component.gitMinor=${minor%%.*}"
mkdir -p "$folder"
for program in "${programs[@]}"; do
  if [ -x "$folder/$program" ]; then
    continue
  fi
  if [ "${1:-}" = --check ]; then
    echo "$folder/$program is missing; test/nfvi/kubernetes/build.sh builds it" >&2
    exit 1
  fi
  echo "building $program $version into $folder" >&2
  # A build that is interrupted leaves nothing that looks complete.
  CGO_ENABLED=0 go build -p 2 -trimpath -ldflags "$flags" -o "$folder/.$program.$$" "k8s.io/kubernetes/cmd/$program"
  mv "$folder/.$program.$$" "$folder/$program"
done
