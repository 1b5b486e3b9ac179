"""Calibrates every model there is, loads the result in ONNX Runtime, and evaluates it; one line for each.

The models of the shared folder (samples: Fashion-MNIST for those trained on it, else seeded noise or the model's golden inputs), ResNet-50,
MobileNetV2 and a transformer encoder with seeded weights (`Benchmarks/calibration/networks.py`), and the nine topologies of ONNX's backend tests.
`onnxruntime` is the signal-to-noise ratio in decibels of ONNX Runtime's quantized outputs to its own float ones, `tare` that of `tare evaluate`;
of several outputs the worst.

    .venv/bin/python Benchmarks/models/table.py --tare .build-release/release/tare --shared ../shared
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "accuracy"))
from fashion_mnist import DEVIATION, MEAN, read_idx  # noqa: E402

TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 10: np.float16, 11: np.float64, 2: np.uint8, 9: np.bool_}


def noise(model: onnx.ModelProto, count: int, extent: int) -> dict:
    """Seeded samples for every input that is no constant; open extents are `extent`, the first one is that of the batch."""
    generator = np.random.default_rng(7)
    constants = {tensor.name for tensor in model.graph.initializer}
    samples = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        kind = value.type.tensor_type
        shape = [dimension.dim_value or extent for dimension in kind.shape.dim]
        shape = [count] + shape[1:] if shape else []
        if kind.elem_type == 7:
            samples[value.name] = (
                np.full(shape, 16000, np.int64) if not shape else generator.integers(0, 50, shape, dtype=np.int64))
        else:
            samples[value.name] = generator.standard_normal(shape).astype(TYPES[kind.elem_type])
    return samples


def fashion(shared: pathlib.Path, count: int) -> dict:
    images = read_idx(shared / "data/fashion-mnist/train2k-images-idx3-ubyte.gz")[:count, None]
    return {"image": ((images / np.float32(255) - MEAN) / DEVIATION).astype(np.float32)}


def outputs(path: pathlib.Path, samples: dict) -> list:
    """The outputs of ONNX Runtime for the samples, one by one where the model has a fixed batch of one."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    count = max(len(array) for array in samples.values() if array.shape)
    rows = []
    for index in range(count):
        feed = {name: array[index:index + 1] if array.shape else array for name, array in samples.items()}
        rows.append([np.asarray(result, np.float64).ravel() for result in session.run(None, feed)])
    return [np.concatenate(column) for column in zip(*rows)]


def ratio(signal: np.ndarray, other: np.ndarray) -> float:
    noise_power = float(((signal - other) ** 2).sum())
    return 10 * np.log10(float((signal ** 2).sum()) / noise_power) if noise_power > 0 else float("inf")


def run(words: list) -> dict:
    completed = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if completed.returncode != 0:
        reason = completed.stderr.strip().splitlines() or ["no message"]
        raise RuntimeError(f"status {completed.returncode}: {reason[-1]}")
    return json.loads(completed.stdout)


def measure(tare: str, path: pathlib.Path, samples: dict, folder: pathlib.Path) -> str:
    data, quantized = folder / "samples.npz", folder / "quantized.onnx"
    # A scalar input is the same for every sample.
    count = max(len(array) for array in samples.values() if array.shape)
    np.savez(data, **{
        name: array if array.shape else np.full([count], array) for name, array in samples.items()})
    start = time.monotonic()
    run([tare, "calibrate", path, "--data", data, "--output", quantized, "--workers", "2", "--json"])
    seconds = time.monotonic() - start
    theirs = [ratio(a, b) for a, b in zip(outputs(path, samples), outputs(quantized, samples))]
    report = run([tare, "evaluate", path, quantized, "--data", data, "--workers", "2", "--json"])
    # Without noise there is no ratio.
    ours = [layer["total"].get("sqnrDecibels") or float("inf") for layer in report["layers"] if layer["isOutput"]]
    return f"{count:7} {seconds:8.1f} {min(theirs):12.1f} {min(ours):6.1f}"


def models(shared: pathlib.Path, folder: pathlib.Path):
    """Name, path and samples of each model."""
    for path in sorted((shared / "models").glob("*.onnx")):
        model = onnx.load(path)
        if path.name.startswith("fmnist"):
            name = model.graph.input[0].name
            samples = {name: fashion(shared, 64)["image"]}
        else:
            samples = noise(model, 16, 320)
        yield path.stem, path, samples
    networks = pathlib.Path(__file__).parent.parent / "calibration/networks.py"
    for name, extent in [("resnet50", 224), ("mobilenetv2", 224), ("encoder", 64)]:
        path = folder / f"{name}.onnx"
        subprocess.run([sys.executable, networks.resolve(), name, path], check=True, capture_output=True)
        yield name, path, noise(onnx.load(path), 8, extent)
    with tarfile.open(shared / "conformance/onnx-light.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    for path in sorted((folder / "onnx-light").glob("*.onnx")):
        yield path.stem, path, noise(onnx.load(path), 1, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tare", required=True)
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="", help="models whose name contains this")
    arguments = parser.parse_args()
    onnxruntime.set_default_logger_severity(4)
    failures = 0
    print(f"{'model':24} samples  seconds  onnxruntime   tare")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for title, path, samples in models(arguments.shared, folder):
            if arguments.only not in title:
                continue
            try:
                print(f"{title:24} {measure(arguments.tare, path, samples, folder)}", flush=True)
            except Exception as error:  # a row says why, and the others follow
                failures += 1
                print(f"{title:24} {error}", flush=True)
    return 1 if failures else 0


sys.exit(main())
