"""What durability and encryption cost: the ResNet-50 job with and without them, in one run.

    .venv/bin/python Benchmarks/cluster/overhead.py --tare .build-release/release/tare [--images 256] [--rounds 3]

Each round computes the same job three times with two workers that have joined already:

    memory     `tare calibrate --listen ipc://...`: nothing is kept, nothing is encrypted
    durable    a daemon with a state directory on ipc: every shard is on the disk before it is acknowledged
    encrypted  the same on tcp with CURVE

Timed is from the first lease (both workers have joined and the job is there) to the end, conversion included. Then the encrypted
job once more with eight workers, for the coordinator's share of the processor time.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from daemon import Daemon

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "calibration"))
import networks  # noqa: E402

OPTIONS = ["--batch-size", "8", "--shard-batches", "2"]


def until(log: pathlib.Path, text: str, count: int = 1) -> float:
    """When a text has come `count` times."""
    while not log.exists() or log.read_text(errors="replace").count(text) < count:
        time.sleep(0.01)
    return time.monotonic()


def in_memory(tare: pathlib.Path, folder: pathlib.Path, model: pathlib.Path, data: pathlib.Path) -> float:
    folder.mkdir()
    endpoint, log = f"ipc://{folder}/socket", folder / "calibrate.log"
    with log.open("wb") as file:
        coordinator = subprocess.Popen(
            [tare, "calibrate", model, "--data", data, "--output", folder / "model.onnx", "--listen", endpoint, *OPTIONS],
            stdout=file, stderr=file)
    until(log, "listening")
    workers = [subprocess.Popen([tare, "worker", "--coordinator", endpoint, "--local-rank", str(rank)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for rank in range(2)]
    begun = until(log, "joined", 2)
    if coordinator.wait() != 0:
        raise SystemExit(log.read_text())
    seconds = time.monotonic() - begun
    for worker in workers:
        worker.wait()
    return seconds


def durable(
    tare: pathlib.Path, folder: pathlib.Path, model: pathlib.Path, data: pathlib.Path, is_encrypted: bool, workers: int = 2
) -> tuple[float, float]:
    """Seconds, and the coordinator's processor time as a share of one core."""
    with Daemon(tare, folder, [model.parent], is_encrypted) as daemon:
        for rank in range(workers):
            daemon.start_worker(rank)
        until(daemon.log, "joined", workers)
        daemon.submit(model, data, *OPTIONS)
        begun, processor = until(daemon.log, "is taken"), daemon.processor_seconds()
        seconds = until(daemon.log, "is completed") - begun
        return seconds, (daemon.processor_seconds() - processor) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tare", type=pathlib.Path, required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    tare = arguments.tare.resolve()
    with tempfile.TemporaryDirectory(prefix="tare-overhead-") as name:
        root = pathlib.Path(name)
        model, data = root / "resnet50.onnx", root / "images.npy"
        networks.make("resnet50", str(model))
        np.save(data, np.random.default_rng(1).standard_normal((arguments.images, 3, 224, 224)).astype(np.float32))
        ratios = {"durable": [], "encrypted": []}
        for index in range(arguments.rounds):
            memory = in_memory(tare, root / f"memory-{index}", model, data)
            line = f"memory {memory:.2f} s"
            for kind in ratios:
                seconds, share = durable(tare, root / f"{kind}-{index}", model, data, kind == "encrypted")
                ratios[kind].append(seconds / memory)
                line += f", {kind} {seconds:.2f} s (x {seconds / memory:.3f}, coordinator {share:.1%} of a core)"
            print(line, flush=True)
        for kind, values in ratios.items():
            print(f"{kind}: median x {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})", flush=True)
        seconds, share = durable(tare, root / "eight", model, data, True, workers=8)
        print(f"eight workers, encrypted: {seconds:.2f} s, coordinator {share:.1%} of a core")


if __name__ == "__main__":
    main()
