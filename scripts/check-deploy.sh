#!/bin/bash
# Validates the files that start Tare on clusters, without a cluster: the shell scripts, the Kubernetes manifests against
# the API's schemas, the systemd units, the compose file. What is not there and cannot be installed is skipped, loudly.
#
#   scripts/check-deploy.sh                  as part of 'make check': installs nothing
#   scripts/check-deploy.sh TARE             also: every option that files and documents name exists, and the command lines of
#                                            units, manifests and compose file run; installs the Python tools it needs
#
# TARE_CHECK_TOOLS: folder for the Python tools (default: a folder in the user's cache, outside the repository).
# Exit status: 0 in order (skips included), 1 something is wrong.
set -u
cd "$(dirname "$0")/.." || exit 1
tare=${1:-}
status=0
# Runs a check that says something only when it fails.
passes() {
    local name=$1
    shift
    if "$@"; then echo "check-deploy: $name: in order"; else fail "$name"; fi
}
fail() { echo "check-deploy: FAILED: $1" >&2; status=1; }
skip() { echo "check-deploy: SKIPPED: $1" >&2; }

scripts="deploy/slurm/tare.sbatch deploy/kubernetes/secrets.sh scripts/slurm-test.sh scripts/check-deploy.sh scripts/build-image.sh
    scripts/show-durability.sh"
for script in $scripts; do bash -n "$script" || fail "$script does not parse"; done
if command -v shellcheck >/dev/null; then
    # shellcheck disable=SC2086
    passes "shell scripts" shellcheck --severity=warning $scripts
else
    skip "no shellcheck (Debian: shellcheck)"
fi

tools=${TARE_CHECK_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/tare-check-tools}
# The interpreter of the system: others on PATH may be wrappers that need settings.
python=/usr/bin/python3
[ -x $python ] || python=python3
if [ -n "$tare" ] && { [ ! -x "$tools/bin/kubernetes-validate" ] || [ ! -x "$tools/bin/podman-compose" ]; }; then
    if ! { $python -m venv "$tools" \
        && "$tools/bin/pip" install -q --disable-pip-version-check kubernetes-validate podman-compose; }; then
        skip "kubernetes-validate and podman-compose cannot be installed into $tools"
    fi
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What secrets.sh prints is checked with stand-ins for the keys.
for name in coordinator.secret coordinator.public worker.secret submitter.secret authorized_keys; do echo "$name" >"$folder/$name"; done
deploy/kubernetes/secrets.sh "$folder" >"$folder/secrets.yaml" || fail "deploy/kubernetes/secrets.sh"
if [ -x "$tools/bin/kubernetes-validate" ]; then
    for manifest in deploy/kubernetes/*.yaml "$folder/secrets.yaml"; do
        passes "${manifest#"$folder/"}" "$tools/bin/kubernetes-validate" --strict --quiet "$manifest"
    done
else
    skip "the Kubernetes manifests (no kubernetes-validate in $tools: make deploy-check installs it)"
fi
compose() { "$tools/bin/podman-compose" -f docker/compose.yaml config >/dev/null; }
if [ -x "$tools/bin/podman-compose" ] && command -v podman >/dev/null; then
    passes docker/compose.yaml compose
else
    skip "docker/compose.yaml (needs Debian's podman, and podman-compose in $tools: make deploy-check installs it)"
fi

# A unit as it would be installed, but with an executable that exists here, and an instance of the template.
unit_verifies() {
    local copy=$1 findings result
    findings=$(systemd-analyze verify "$copy" 2>&1)
    result=$?
    # Units of this machine are none of ours.
    findings=$(grep -F "$(basename "$copy")" <<<"$findings")
    [ -z "$findings" ] || echo "$findings" >&2
    [ $result -eq 0 ] && [ -z "$findings" ]
}
if command -v systemd-analyze >/dev/null; then
    for unit in deploy/systemd/*.service; do
        name=$(basename "$unit")
        copy=$folder/${name/@/@example}
        sed 's|/usr/bin/tare|/bin/true|' "$unit" >"$copy"
        passes "$unit" unit_verifies "$copy"
        level=$(systemd-analyze security --offline=true "$copy" 2>&1 | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
        # Of 10; what a service that needs the network and nothing else can reach.
        if awk -v level="${level:-10}" 'BEGIN { exit !(level <= 2.0) }'; then
            echo "check-deploy: $unit: exposure $level of 10"
        else
            fail "$unit: exposure ${level:-unknown} of 10, more than 2.0"
        fi
    done
else
    skip "the systemd units (no systemd-analyze)"
fi

if [ -n "$tare" ]; then
    if [ -x "$tools/bin/kubernetes-validate" ]; then python=$tools/bin/python; fi
    if "$python" -c 'import yaml' 2>/dev/null; then
        "$python" scripts/check_deploy_commands.py "$tare" || status=1
    else
        skip "the command lines (no Python with PyYAML)"
    fi
fi
exit $status
