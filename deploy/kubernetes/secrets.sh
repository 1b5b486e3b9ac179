#!/bin/bash
# Prints the two Secrets that the manifests name, from a folder that 'tare keygen --directory' made:
#
#   tare keygen --directory keys
#   deploy/kubernetes/secrets.sh keys | kubectl apply -f -
#
# Each side gets what it needs: workers never see the coordinator's secret key. A token for HTTP is made where there is none.
set -eu
keys=${1:?usage: secrets.sh FOLDER}

secret() {
    local name=$1
    shift
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\ntype: Opaque\ndata:\n' "$name"
    local file
    for file in "$@"; do
        [ -f "$keys/$file" ] || { echo "secrets.sh: no $keys/$file; run: tare keygen --directory $keys" >&2; exit 66; }
        printf '  %s: %s\n' "$file" "$(base64 -w 0 "$keys/$file")"
    done
}
if [ -d "$keys" ] && [ ! -e "$keys/http_token" ]; then
    (umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$keys/http_token")
fi
secret tare-coordinator-keys coordinator.secret coordinator.public authorized_keys submitter.secret http_token
secret tare-worker-keys worker.secret coordinator.public
