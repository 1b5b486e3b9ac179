#!/bin/sh
# Calibrates the bundled digits model with two workers and prints the accuracy of the float and of the int8 model.
set -eu
cd "$(dirname "$0")/.."
tare=.build-release/release/tare
model=Examples/digits/digits.onnx
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

echo "\$ tare calibrate $model --data Examples/digits/calibration.npz --workers 2 --output digits.int8.onnx"
"$tare" calibrate "$model" --data Examples/digits/calibration.npz --workers 2 --output "$folder/digits.int8.onnx"
echo
if [ -x .venv/bin/python ] && .venv/bin/python -c 'import onnxruntime' 2>/dev/null; then
    echo "Accuracy on 450 test images, in ONNX Runtime:"
    .venv/bin/python Examples/digits/evaluate.py "$model" "$folder/digits.int8.onnx"
else
    echo "Accuracy on 450 test images, in Tare's own executor (no ONNX Runtime here):"
    for file in "$model" "$folder/digits.int8.onnx"; do
        "$tare" run "$file" --input Examples/digits/evaluation.npz --labels label
    done
fi
