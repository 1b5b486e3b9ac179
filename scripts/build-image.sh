#!/bin/bash
# Builds the container image of docker/Dockerfile without a daemon and without pulling: buildah in chroot isolation, on a
# Debian that debootstrap makes. Where Swift is not in a base image, the executable that is built on this Debian 12 is put
# into the second stage as it is.
#
#   scripts/build-image.sh [path of tare]       needs root and Debian's buildah and debootstrap
#
# Exit status: 0 built and tried, 1 failed, 77 skipped because something is missing.
set -u
cd "$(dirname "$0")/.." || exit 1
tare=$(realpath "${1:-.build-release/release/tare}")
tag=${TAG:-localhost/tare:0.1.0}

skip() { echo "build-image: SKIPPED: $1" >&2; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "needs root"
for program in buildah debootstrap; do
    command -v $program >/dev/null || skip "no $program; install Debian's package of that name"
done
[ -x "$tare" ] || skip "no $tare; run 'make build' first or name the executable"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
image() { buildah images --quiet "$1" >/dev/null 2>&1; }

if ! image localhost/tare-base:bookworm; then
    rootfs=${ROOTFS:-$folder/rootfs}
    if [ ! -d "$rootfs/etc" ]; then
        echo "build-image: debootstrap of Debian 12"
        debootstrap --variant=minbase bookworm "$rootfs" >"$folder/log" 2>&1 || { tail "$folder/log" >&2; exit 1; }
    fi
    base=$(buildah from --pull-never scratch) || exit 1
    buildah add --quiet "$base" "$rootfs" / >/dev/null || exit 1
    buildah commit --quiet "$base" localhost/tare-base:bookworm >/dev/null || exit 1
    buildah rm "$base" >/dev/null
fi

# The second stage alone: the lines of the first one are left out, and what it would have made is put in its place.
mkdir "$folder/context"
strip --strip-unneeded -o "$folder/context/tare" "$tare" || exit 1
# 'make build' links Swift's runtime dynamically, as the Dockerfile does not: then it comes along, at the same path.
runtime=$(ldd "$tare" | awk '$3 ~ "/swift/linux/" { print $3 }')
if [ -n "$runtime" ]; then
    mkdir "$folder/context/runtime"
    # shellcheck disable=SC2086  # one word for each library
    cp -L $runtime "$folder/context/runtime" || exit 1
    place=$(dirname "${runtime%%[[:space:]]*}")
fi
awk '/^FROM .* AS build$/ { skipping = 1 } /^FROM \$\{BASE\}/ { skipping = 0 } !skipping' docker/Dockerfile \
    | sed "s|COPY --from=build /tare /usr/bin/tare|COPY tare /usr/bin/tare${runtime:+\nCOPY runtime $place}|" >"$folder/Dockerfile"
buildah build --isolation chroot --pull-never --build-arg BASE=localhost/tare-base:bookworm \
    --file "$folder/Dockerfile" --tag "$tag" "$folder/context" >"$folder/log" 2>&1 || { tail -n 30 "$folder/log" >&2; exit 1; }
echo "build-image: built $tag ($(buildah images --format '{{.Size}}' "$tag")) without a daemon"

# A container of it calibrates the bundled model as the user of the image, with the bytes that it has outside.
container=$(buildah from --pull-never "$tag") || exit 1
trap 'buildah rm "$container" >/dev/null; rm -rf "$folder"' EXIT
inside() { buildah run --isolation chroot --volume "$PWD/Examples:/data:ro" "$container" -- "$@"; }
version=$(inside /usr/bin/tare --version) || { echo "build-image: FAILED: tare does not start in the image" >&2; exit 1; }
echo "build-image: inside: $(inside id), tare $version"
[ "$(inside id -u)" = 10001 ] || { echo "build-image: FAILED: the image's user is not 10001" >&2; exit 1; }
inside /usr/bin/tare calibrate /data/digits/digits.onnx --data /data/digits/calibration.npz --workers 2 --output /tmp/o.onnx \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
"$tare" calibrate Examples/digits/digits.onnx --data Examples/digits/calibration.npz --workers 1 --output "$folder/o.onnx" \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
expected=$(sha256sum <"$folder/o.onnx") found=$(inside sha256sum /tmp/o.onnx)
if [ "${expected%% *}" != "${found%% *}" ]; then
    echo "build-image: FAILED: the model of the container is ${found%% *}, not ${expected%% *}" >&2
    exit 1
fi
echo "build-image: the container's model has the same bytes: ${expected%% *}"
inside /usr/bin/tare doctor --state-dir /var/lib/tare
