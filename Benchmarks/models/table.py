"""Calibrates every model there is, loads the result in ONNX Runtime, and evaluates it; one line for each.

The models of the shared folder (samples: Fashion-MNIST for those trained on it, a recording for the one that hears, else the model's golden
input moved around), and with seeded noise ResNet-50, MobileNetV2 and a transformer encoder with seeded weights
(`Benchmarks/calibration/networks.py`) and the nine topologies of ONNX's backend tests. Their weights are all equal, so their 1,000 scores are 0.001 each,
which a byte for the range [0, 1] rounds to 0: 0 dB says that the score is lost, not that the model was converted wrongly.
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
import wave

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "accuracy"))
from fashion_mnist import DEVIATION, MEAN, read_idx  # noqa: E402


def batch_axes(model: onnx.ModelProto) -> dict:
    """For each input that is no constant, the axis along which samples follow each other; none for a scalar."""
    constants = {tensor.name for tensor in model.graph.initializer}
    shapes = {
        value.name: [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in model.graph.input if value.name not in constants}
    batch = next(shape[0] for shape in shapes.values() if shape)
    return {name: (shape.index(batch) if batch in shape else 0) if shape else None for name, shape in shapes.items()}


def noise(model: onnx.ModelProto, count: int, extent: int) -> list:
    """Seeded samples as the model takes them, one at a time; open extents are `extent`."""
    generator = np.random.default_rng(7)
    samples = []
    for _ in range(count):
        feed = {}
        for value in model.graph.input:
            if value.name not in batch_axes(model):
                continue
            kind = value.type.tensor_type
            shape = [1] + [dimension.dim_value or extent for dimension in kind.shape.dim][1:]
            if kind.elem_type == onnx.TensorProto.INT64:
                feed[value.name] = generator.integers(0, 50, shape, dtype=np.int64)
            else:
                feed[value.name] = generator.standard_normal(shape).astype(
                    onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        samples.append(feed)
    return samples


def moved(golden: np.ndarray, count: int) -> list:
    """An image [1, C, H, W] moved around, every second time mirrored."""
    generator = np.random.default_rng(7)
    shifts = [tuple(generator.integers(0, extent) for extent in golden.shape[2:]) for _ in range(count)]
    images = [np.roll(golden, shift, (2, 3)) for shift in shifts]
    return [np.ascontiguousarray(image[..., ::-1] if index % 2 else image) for index, image in enumerate(images)]


def speech(path: pathlib.Path, recording: pathlib.Path, count: int) -> list:
    """Frames of a recording at 16 kHz, each with 64 elements of the one before it and the state that the float model left behind."""
    with wave.open(str(recording)) as file:
        rate = file.getframerate()
        elements = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state = np.zeros([2, 1, 128], np.float32)
    samples = []
    for start in range(64, 64 + 512 * count, 512):
        feed = {"input": elements[None, start - 64:start + 512], "state": state, "sr": np.array(rate, np.int64)}
        state = session.run(None, feed)[1]
        samples.append(feed)
    return samples


def fashion(shared: pathlib.Path, name: str, count: int) -> list:
    images = read_idx(shared / "data/fashion-mnist/train2k-images-idx3-ubyte.gz")[:count, None, None]
    return [{name: ((image / np.float32(255) - MEAN) / DEVIATION).astype(np.float32)} for image in images]


def outputs(path: pathlib.Path, samples: list) -> list:
    """The outputs of ONNX Runtime, sample by sample."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rows = [[np.asarray(result, np.float64).ravel() for result in session.run(None, feed)] for feed in samples]
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


def measure(tare: str, path: pathlib.Path, samples: list, folder: pathlib.Path) -> str:
    data, quantized = folder / "samples.npz", folder / "quantized.onnx"
    np.savez(data, **{
        name: np.stack([feed[name] if axis is None else feed[name].squeeze(axis) for feed in samples])
        for name, axis in batch_axes(onnx.load(path, load_external_data=False)).items()})
    start = time.monotonic()
    run([tare, "calibrate", path, "--data", data, "--output", quantized, "--workers", "2", "--json"])
    seconds = time.monotonic() - start
    theirs = [ratio(a, b) for a, b in zip(outputs(path, samples), outputs(quantized, samples))]
    report = run([tare, "evaluate", path, quantized, "--data", data, "--workers", "2", "--json"])
    ours = [layer["total"].get("sqnrDecibels") for layer in report["layers"] if layer["isOutput"]]
    # Without noise there is no ratio.
    worst = min(float("inf") if value is None else value for value in ours)
    return f"{len(samples):7} {seconds:8.1f} {min(theirs):12.1f} {worst:6.1f}"


def models(shared: pathlib.Path, folder: pathlib.Path):
    """Name, path and samples of each model."""
    for path in sorted((shared / "models").glob("*.onnx")):
        name = onnx.load(path).graph.input[0].name
        if path.name.startswith("fmnist"):
            samples = fashion(shared, name, 64)
        elif path.name.startswith("silero"):
            samples = speech(path, shared / "formats/silero_test.wav", 64)
        else:
            golden = np.load(shared / "goldens" / (path.stem + ".npz"))["in_" + name][:1]
            samples = [{name: image} for image in moved(golden, 16)]
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
