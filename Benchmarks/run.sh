#!/bin/sh
# Runs every benchmark; several minutes.
set -eu
cd "$(dirname "$0")/.."
tare=.build-release/release/tare
python=.venv/bin/python
[ -x "$python" ] || { echo "bench: no $python; run scripts/setup.sh with PyPI in reach" >&2; exit 69; }
"$python" Benchmarks/calibration/compare.py --tare "$tare"
if [ -d ../shared/data ]; then
    "$python" Benchmarks/accuracy/fashion_mnist.py --tare "$tare" --shared ../shared
else
    echo "bench: no ../shared, the accuracy benchmark is skipped"
fi
