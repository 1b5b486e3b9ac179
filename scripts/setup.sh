#!/bin/sh
# Installs the Debian 12 packages that Tare builds on and, when PyPI can be reached, a Python environment in .venv that
# the tests and the demo use as an independent judge (ONNX Runtime, the ONNX checker, NumPy, safetensors, Pillow).
# Safe to run again: what is already there is left alone.
set -eu
cd "$(dirname "$0")/.."

packages="libzmq3-dev libdnnl-dev libturbojpeg0-dev libpng-dev zlib1g-dev libarchive-dev libsqlite3-dev"
python_packages="python3-venv"

missing() {
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

if ! command -v swift >/dev/null 2>&1; then
    echo "setup: no 'swift' on PATH. Install Swift 6.2 or later from https://swift.org/install and run this again." >&2
    exit 69
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this script knows Debian 12 only. Install by hand: $packages" >&2
    exit 69
fi

wanted=$(missing $packages $python_packages)
if [ -n "$wanted" ]; then
    echo "setup: installing $wanted"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $wanted
else
    echo "setup: system packages are there ($packages $python_packages)"
fi

stamp=.venv/installed-requirements.txt
if [ "${TARE_NO_PYTHON:-}" = 1 ]; then
    echo "setup: TARE_NO_PYTHON=1, no Python environment; checks against ONNX Runtime will be skipped"
elif cmp -s scripts/requirements.txt "$stamp"; then
    echo "setup: Python environment .venv is there"
else
    echo "setup: making the Python environment .venv ($(grep -vc '^#' scripts/requirements.txt) packages)"
    if python3 -m venv .venv && .venv/bin/pip install -q --disable-pip-version-check -r scripts/requirements.txt; then
        cp scripts/requirements.txt "$stamp"
    else
        echo "setup: PyPI could not be used; checks against ONNX Runtime will be skipped" >&2
    fi
fi
