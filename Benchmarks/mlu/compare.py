"""Images per second of the simulated device's modules, of the float executor and of ONNX Runtime, on one thread.

Rounds are interleaved: mlu-benchmark (float, int8 and int16 in turns), then ONNX Runtime in float and on an int8 QDQ model.
Prints medians and ratios, and how far the quantized outputs are from the float ones.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Samples(CalibrationDataReader):
    """A few uniform samples."""

    def __init__(self, name, shape, count=8):
        generator = np.random.default_rng(1)
        self.items = iter(
            [{name: generator.uniform(-1, 1, shape).astype(np.float32)} for _ in range(count)])

    def get_next(self):
        return next(self.items, None)


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(model, batch):
    value = model.get_inputs()[0]
    shape = [n if isinstance(n, int) else (batch if i == 0 else 1) for i, n in enumerate(value.shape)]
    return {value.name: np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)}


def median_seconds(models, feeds, seconds):
    """Runs the models in turns; the median processor time of each."""
    for model in models:
        model.run(None, feeds)
    times = [[] for _ in models]
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times[0]) < 3:
        for index, model in enumerate(models):
            start = time.thread_time()
            model.run(None, feeds)
            times[index].append(time.thread_time() - start)
    return [statistics.median(values) for values in times]


def quantized(path, folder):
    """ONNX Runtime's own int8 model: QDQ, per channel, signed weights, unsigned activations."""
    prepared, result = folder / "prepared.onnx", folder / "qdq.onnx"
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    value = session(path).get_inputs()[0]
    shape = [n if isinstance(n, int) else 1 for n in value.shape]
    quantize_static(
        str(prepared), str(result), Samples(value.name, shape), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    return result


def make_model(tools, folder):
    """ResNet-50 with random weights, by the script beside the checkout."""
    script = pathlib.Path(tools) / "bench_nets.py"
    if not script.exists():
        sys.exit(f"{script} does not exist; give a model with --model")
    specification = importlib.util.spec_from_file_location("bench_nets", script)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    path = folder / "resnet50.onnx"
    module.make("resnet50", str(path))
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, help="mlu-benchmark")
    parser.add_argument("--model", help="a model with one image input; default: ResNet-50 with random weights")
    parser.add_argument("--tools", default="../shared/tools", help="folder of bench_nets.py")
    parser.add_argument("--qdq", help="our own QDQ export of the model, which ONNX Runtime runs too")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--modes", default="float,int8,int16")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        model = pathlib.Path(arguments.model) if arguments.model else make_model(arguments.tools, folder)
        runtimes = {"onnxruntime float": session(model), "onnxruntime int8": session(quantized(model, folder))}
        if arguments.qdq:
            runtimes["onnxruntime on our QDQ export"] = session(arguments.qdq)
        for batch in arguments.batches:
            compare(arguments, model, runtimes, batch)


def compare(arguments, model, runtimes, batch):
    feeds = feed(next(iter(runtimes.values())), batch)
    expected, actual = (runtimes[name].run(None, feeds)[0] for name in ("onnxruntime float", "onnxruntime int8"))
    rates, ratios, last = {}, {}, {}
    for _ in range(arguments.rounds):
        command = [
            arguments.binary, str(model), str(batch), "--seconds", str(arguments.seconds), "--modes", arguments.modes]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        last = json.loads(output.splitlines()[0])
        found = {key.removesuffix("_per_second"): value for key, value in last.items() if key.endswith("_per_second")}
        for name, value in zip(runtimes, median_seconds(list(runtimes.values()), feeds, arguments.seconds)):
            found[name] = batch / value
        for name, value in found.items():
            rates.setdefault(name, []).append(value)
            ratios.setdefault(name, []).append((value / found["float"], value / found["onnxruntime int8"]))
    print(f"{model.name} batch {batch}: int8 by {last['int8_kernels']}, int16 by {last['own_kernels']}")
    for name, values in rates.items():
        over_float, over_int8 = (statistics.median(part) for part in zip(*ratios[name]))
        error = last.get(f"{name}_relative_l2")
        if name == "onnxruntime int8":
            error = float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))
        note = "" if error is None else f", relative L2 to float {error:.5f}"
        print(
            f"  {name}: {statistics.median(values):.1f}/s, {over_float:.2f} x our float, "
            f"{over_int8:.2f} x onnxruntime int8{note}", flush=True)


if __name__ == "__main__":
    main()
