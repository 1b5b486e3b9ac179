"""How fast one coordinator takes results: workers return prepared statistics of a 20-layer model at once.

    .venv/bin/python Benchmarks/cluster/feed.py --tare .build-release/release/tare [--shards 4000] [--workers 16]

The workers are one process of `feed-benchmark`, which shares the machine's cores with the coordinator. Each shard is leased,
uploaded, committed durably (SQLite with full sync) and acknowledged. Printed: shards per second and MB of statistics per
second between the first and the last commit, and the coordinator's share of the processor time in between.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from daemon import Daemon


def network(path: pathlib.Path, layers: int = 20, channels: int = 8) -> None:
    """Convolutions with ReLU between them; random weights from a fixed seed."""
    generator = np.random.default_rng(0)
    nodes, weights, value, width = [], [], "x", 3
    for layer in range(layers):
        shape = (channels, width, 3, 3)
        weights.append(numpy_helper.from_array(
            (generator.standard_normal(shape) * np.sqrt(2 / (width * 9))).astype(np.float32), f"w{layer}"))
        nodes.append(helper.make_node("Conv", [value, f"w{layer}"], [f"c{layer}"], name=f"conv{layer}", pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"], name=f"relu{layer}"))
        value, width = f"r{layer}", channels
    nodes[-1].output[0] = "y"
    graph = helper.make_graph(
        nodes, "twenty_layers", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", channels, 16, 16])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def measure(arguments, folder: pathlib.Path, is_encrypted: bool) -> None:
    model, data = folder / "model.onnx", folder / "data.npy"
    with Daemon(arguments.tare, folder / f"run-{is_encrypted}", [folder], is_encrypted) as daemon:
        job = daemon.submit(model, data, "--batch-size", 1, "--shard-batches", 1)
        feed = arguments.tare.parent / "feed-benchmark"
        log = folder / f"feed-{is_encrypted}.log"
        daemon.start([feed, daemon.endpoint, arguments.workers, *daemon.worker_keys], log)
        while daemon.ask("status", job)["shardsDone"] == 0:
            time.sleep(0.02)
        begun, processor = time.monotonic(), daemon.processor_seconds()
        first = daemon.ask("status", job)["shardsDone"]
        while (done := daemon.ask("status", job)["shardsDone"]) < arguments.shards:
            time.sleep(0.5)  # each question is a process, which takes time from those that are measured
        seconds = time.monotonic() - begun
        share = (daemon.processor_seconds() - processor) / seconds
        size = int(log.read_text().split(" bytes")[0].rsplit(" ", 1)[1])
        daemon.until_ended(job)
    rate = (done - first) / seconds
    print(f"{'tcp with CURVE' if is_encrypted else 'ipc':15} {done - first} shards of {size / 1000:.0f} kB in {seconds:.2f} s: "
          f"{rate:.0f} shards/s, {rate * size / 1e6:.0f} MB/s; coordinator {share:.2f} cores", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tare", type=pathlib.Path, required=True)
    parser.add_argument("--shards", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.tare = arguments.tare.resolve()
    with tempfile.TemporaryDirectory(prefix="tare-feed-") as name:
        root = pathlib.Path(name)
        for index in range(arguments.rounds):
            for is_encrypted in (False, True):
                folder = root / f"{index}-{is_encrypted}"
                folder.mkdir()
                network(folder / "model.onnx")
                samples = np.random.default_rng(1).standard_normal((arguments.shards, 3, 16, 16)).astype(np.float32)
                np.save(folder / "data.npy", samples)
                measure(arguments, folder, is_encrypted)


if __name__ == "__main__":
    main()
