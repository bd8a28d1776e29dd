#!/usr/bin/env bash
# Makes sure that what the named steps need is on this machine, and installs what is missing through the system's package manager.
#
#   .ci/require.sh go postgres chromium node etcd containerd cni cc
#
# Says nothing and changes nothing when all is there. Uses sudo when not root.
set -euo pipefail

pg_major_floor=15
node_major_floor=18

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

# --- what is there -------------------------------------------------------------------------------------------------------------

# postgres_bindirs prints the folders that may hold PostgreSQL's server programs, in the order in which `ringfence serve` looks.
postgres_bindirs() {
  if [ -n "${RINGFENCE_PG_BINDIR:-}" ]; then
    printf '%s\n' "$RINGFENCE_PG_BINDIR"
    return
  fi
  if command -v initdb >/dev/null; then dirname "$(command -v initdb)"; fi
  if command -v pg_config >/dev/null; then pg_config --bindir; fi
  local dir
  for dir in /usr/lib/postgresql/*/bin /usr/lib/postgresql*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* \
    /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
    /Applications/Postgres.app/Contents/Versions/*/bin; do
    [ -d "$dir" ] && printf '%s\n' "$dir"
  done
  return 0
}

# postgres_major prints the newest major version that is installed completely, 0 when there is none.
postgres_major() {
  local dir major newest=0
  while IFS= read -r dir; do
    if [ ! -x "$dir/initdb" ] || [ ! -x "$dir/postgres" ]; then continue; fi
    major="$("$dir/postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')"
    if [ "$major" -gt "$newest" ]; then newest="$major"; fi
  done < <(postgres_bindirs)
  printf '%s\n' "$newest"
}

has_go() { command -v go >/dev/null; }

has_postgres() { [ "$(postgres_major)" -ge "$pg_major_floor" ]; }

has_chromium() {
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    [ -x /Applications/Chromium.app/Contents/MacOS/Chromium ] ||
    [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}

has_node() {
  command -v npm >/dev/null && command -v node >/dev/null &&
    [ "$(node --version | sed -E 's/v([0-9]+).*/\1/')" -ge "$node_major_floor" ]
}

has_etcd() { command -v etcd >/dev/null; }

has_containerd() {
  local program
  for program in containerd runc docker-registry mkfs.ext4 losetup; do
    command -v "$program" >/dev/null || return 1
  done
}

has_cni() { [ -x /usr/lib/cni/ptp ] && [ -x /usr/lib/cni/host-local ]; }

has_cc() { command -v cc >/dev/null || command -v gcc >/dev/null; }

# --- how to get it -------------------------------------------------------------------------------------------------------------

package_manager() {
  local name
  for name in apt-get dnf apk brew; do
    if command -v "$name" >/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
}

# packages NEED MANAGER prints the packages of that manager that hold the need.
packages() {
  case "$1/$2" in
    postgres/apt-get) echo postgresql ;;
    postgres/dnf) echo postgresql-server ;;
    postgres/apk) echo postgresql ;;
    postgres/brew) echo postgresql@17 ;;
    chromium/apt-get | chromium/dnf | chromium/apk) echo chromium ;;
    chromium/brew) echo --cask chromium ;;
    node/apt-get | node/dnf | node/apk) echo nodejs npm ;;
    node/brew) echo node ;;
    etcd/apt-get) echo etcd-server ;;
    etcd/dnf | etcd/brew) echo etcd ;;
    containerd/apt-get) echo containerd runc docker-registry e2fsprogs mount ;;
    cni/apt-get) echo containernetworking-plugins ;;
    cc/apt-get) echo gcc libc6-dev ;;
    cc/dnf) echo gcc glibc-devel ;;
    cc/brew) echo gcc ;;
  esac
}

# as_root runs a command with the rights to install: as it is for root, else through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "not root and no sudo here; run this as root, then try again: $*"
  fi
}

# quietly runs a command and shows what it printed only when it fails.
quietly() {
  local output
  if ! output="$("$@" 2>&1 </dev/null)"; then
    say "$output"
    return 1
  fi
}

install_packages() {
  local manager="$1"
  shift
  say "    $manager install $*"
  case "$manager" in
    apt-get)
      quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update || return 1
      # Waits for another apt-get on this machine to finish, instead of failing.
      quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@"
      ;;
    dnf) quietly as_root dnf -q -y --setopt=install_weak_deps=False install "$@" ;;
    apk) quietly as_root apk add "$@" ;;
    brew) quietly brew install --quiet "$@" ;;
  esac
}

# wanted NEED says what is needed, for a person.
wanted() {
  case "$1" in
    go) echo "Go ($(sed -n 's/^go //p' "$(dirname "${BASH_SOURCE[0]}")/../go.mod") or newer)" ;;
    postgres) echo "PostgreSQL $pg_major_floor or newer (the server's programs; no server needs to run)" ;;
    chromium) echo "Chromium (for the browser test)" ;;
    node) echo "Node.js $node_major_floor or newer with npm (for the browser test)" ;;
    etcd) echo "etcd (for the Kubernetes control plane of test/nfvi)" ;;
    containerd) echo "containerd, runc, docker-registry and ext4's tools (for the image store of test/nfvi)" ;;
    cni) echo "network plug-ins for containers in /usr/lib/cni (for the nodes of test/nfvi)" ;;
    cc) echo "a C compiler (for Go's race detector)" ;;
  esac
}

require() {
  local need="$1" manager list
  case "$need" in
    go | postgres | chromium | node | etcd | containerd | cni | cc) ;;
    *) fail "unknown need \"$need\"; known are: go postgres chromium node etcd containerd cni cc" ;;
  esac
  if "has_$need"; then return; fi

  manager="$(package_manager)"
  list="$(packages "$need" "$manager")"
  [ -n "$list" ] || fail "this needs $(wanted "$need"), which is not here; install it, then try again"

  say "==> $(wanted "$need") is missing; installing it through the system's package manager"
  if [ "$need/$manager" = postgres/apt-get ]; then
    say "    (the package also sets up a server of its own; ringfence does not use it)"
  fi
  # shellcheck disable=SC2086 # a list of packages
  install_packages "$manager" $list ||
    fail "$manager could not install: $list; install $(wanted "$need") by hand, then try again"
  hash -r
  "has_$need" || fail "$manager installed $list, but that is not $(wanted "$need"); install a newer one by hand, then try again"
}

[ $# -gt 0 ] || fail "usage: $0 NEED...   (go postgres chromium node etcd containerd cni cc)"
for need in "$@"; do require "$need"; done
