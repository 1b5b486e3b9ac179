"""Calibrates a model of more than 2 GB with two workers and prints the peak memory of each process.

The model is a stack of linear layers whose constants lie in one external file. `file` is what of the model's file lay in memory and is shared by
all processes; `own` is what a process allocated itself.

    .venv/bin/python Benchmarks/memory/large_model.py --tare .build-release/release/tare
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper


def write_model(path: pathlib.Path, layers: int, width: int) -> int:
    """Writes the model and its constants; returns the bytes of these."""
    generator = np.random.default_rng(1)
    data = path.with_suffix(".onnx.data")
    nodes, initializers, offset = [], [], 0
    with open(data, "wb") as file:
        for layer in range(layers):
            weight = generator.standard_normal((width, width), dtype=np.float32) / np.float32(width ** 0.5)
            file.write(weight.tobytes())
            tensor = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[width, width])
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in [("location", data.name), ("offset", offset), ("length", weight.nbytes)]:
                tensor.external_data.add(key=key, value=str(value))
            initializers.append(tensor)
            offset += weight.nbytes
            source = "x" if layer == 0 else f"r{layer - 1}"
            nodes.append(helper.make_node("MatMul", [source, f"w{layer}"], [f"m{layer}"], name=f"MatMul_{layer}"))
            nodes.append(helper.make_node("Relu", [f"m{layer}"], [f"r{layer}"], name=f"Relu_{layer}"))
    graph = helper.make_graph(
        nodes, "large", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info(f"r{layers - 1}", TensorProto.FLOAT, ["N", width])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return offset


def memory(pid: int) -> dict:
    """Kilobytes of a process by kind; empty when it has ended."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: int(value) for name, value in re.findall(r"(VmHWM|RssAnon|RssFile):\s+(\d+) kB", status)}


def children(pid: int) -> list:
    """The processes that any thread of a process started."""
    found = []
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in file.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tare", required=True)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=7168)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--workers", default="2")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        size = write_model(folder / "large.onnx", arguments.layers, arguments.width)
        print(f"constants: {size / 2**30:.2f} GiB in {arguments.layers} layers", flush=True)
        samples = np.random.default_rng(2).standard_normal((arguments.samples, arguments.width), dtype=np.float32)
        np.savez(folder / "samples.npz", x=samples)
        start = time.monotonic()
        process = subprocess.Popen(
            [arguments.tare, "calibrate", folder / "large.onnx", "--data", folder / "samples.npz", "--workers",
             arguments.workers, "--batch-size", "8", "--output", folder / "large.int8.onnx"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        peaks: dict = {}
        while process.poll() is None:
            for pid in [process.pid, *children(process.pid)]:
                seen = memory(pid)
                peak = peaks.setdefault(pid, {})
                for kind, value in seen.items():
                    peak[kind] = max(peak.get(kind, 0), value)
            time.sleep(0.02)
        output = process.communicate()[0]
        if process.returncode != 0:
            sys.exit(output)
        print(f"calibrated {arguments.samples} samples in {time.monotonic() - start:.1f} s")
        for pid, peak in peaks.items():
            kind = "tare calibrate" if pid == process.pid else "worker"
            print(f"{kind:15} peak {peak['VmHWM'] / 2**20:6.2f} GiB, own {peak['RssAnon'] / 2**20:6.2f} GiB, "
                  f"file {peak['RssFile'] / 2**20:6.2f} GiB")
    return 0


sys.exit(main())
