#!/usr/bin/env bash
# Makes the passwords, tokens and certificates of the compose deployment and prints the tokens, once. Does nothing when they are there.
# It needs openssl.
#
# To start afresh: docker compose down --volumes, remove the folder secrets, run this again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [ -e secrets ]; then
  echo "deployments/compose/secrets is there already; nothing done" >&2
  exit 0
fi

# random prints 192 bits that need no quoting anywhere.
random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}

# The containers' users differ from yours, so the files are readable for all, in a folder that only you can enter.
umask 022
staged="$(mktemp -d ./.secrets.XXXXXX)"
trap 'rm -rf "$staged"' EXIT

random >"$staged/postgres_password"
for role in owner app; do
  random >"$staged/${role}_password"
  printf 'postgres:5432:ringfence:ringfence_%s:%s\n' "$role" "$(cat "$staged/${role}_password")" >"$staged/${role}_pgpass"
done

{
  printf '{"clients": ['
  separator=''
  for client in vnfm:VNFM nfvo:NFVO author:AUTHOR approver:APPROVER operator:OPERATOR agent:AGENT verifier:VERIFIER \
    scrubber:SCRUBBER auditor:AUDITOR; do
    token="$(random)"
    printf '%-9s %s\n' "${client%%:*}" "$token" >&3
    hosts=''
    if [ "$client" = agent:AGENT ]; then hosts=', "hostIds": ["*"]'; fi # one agent for all hosts: this is a lab
    printf '%s\n  {"id": "%s", "tokenSha256": "%s", "roles": ["%s"]%s}' "$separator" "${client%%:*}" \
      "$(printf '%s' "$token" | sha256)" "${client##*:}" "$hosts"
    separator=','
  done
  printf '\n]}\n'
} 3>"$staged/printed" >"$staged/tokens"

# An authority of this lab alone, and a certificate of it for this machine. The authority's key is not kept.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 825 -subj '/CN=ringfence lab' \
  -keyout "$staged/ca_key" -out "$staged/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj '/CN=ringfence' -keyout "$staged/tls_key" -out "$staged/tls_csr" 2>/dev/null
openssl x509 -req -in "$staged/tls_csr" -CA "$staged/ca.pem" -CAkey "$staged/ca_key" -days 825 -out "$staged/tls_cert" 2>/dev/null -extfile <(
  printf 'subjectAltName=DNS:localhost,DNS:ringfence,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n'
)
rm "$staged/ca_key" "$staged/tls_csr"
chmod 0644 "$staged/tls_key" # the compose file gives it to the service's user alone

printed="$(cat "$staged/printed")"
rm "$staged/printed"
chmod 0700 "$staged"
mv "$staged" secrets
trap - EXIT

cat <<TEXT
The clients and their tokens. Only their SHA-256 is kept: note them now.

$printed

Next: docker compose up --build
Then: export RINGFENCE_URL=https://127.0.0.1:8443 RINGFENCE_CA_FILE=$PWD/secrets/ca.pem RINGFENCE_TOKEN=...
TEXT
