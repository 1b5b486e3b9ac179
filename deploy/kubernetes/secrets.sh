#!/bin/bash
# Prints the two Secrets that the manifests name, from a folder that 'tare keygen --directory' made:
#
#   tare keygen --directory keys
#   deploy/kubernetes/secrets.sh keys | kubectl apply -f -
#
# Each side gets what it needs: workers never see the coordinator's secret key.
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
secret tare-coordinator-keys coordinator.secret authorized_keys
secret tare-worker-keys worker.secret coordinator.public
