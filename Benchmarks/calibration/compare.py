"""Whole-command speed and memory of `tare calibrate` against onnxruntime.quantization.quantize_static.

Both tools get the same model (seeded random weights, see networks.py), the same samples (seeded float32 images, or 128 token ids
for the encoder, in one stored npz) and two cores, in one run, alternating. Tare collects histograms in every row, because all its observers read the
same statistics; ONNX Runtime's Percentile keeps every activation in memory, so it gets `--percentile-images` images and
an address-space limit.

    .venv/bin/python Benchmarks/calibration/compare.py --tare .build-release/release/tare
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent

QUANTIZE_WITH_ONNXRUNTIME = r"""
import sys, numpy as np, onnxruntime
from onnxruntime.quantization import quantize_static, CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
model, images, output, method, count = sys.argv[1:6]
archive = np.load(images)
name, = archive.files
data = archive[name][: int(count)]
class Reader(CalibrationDataReader):
    def __init__(self): self.index = 0
    def get_next(self):
        if self.index == len(data): return None
        self.index += 1
        return {name: data[self.index - 1 : self.index]}
quantize_static(model, output, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=getattr(CalibrationMethod, method))
"""


class PeakMemory(threading.Thread):
    """Samples the peak resident size of every process in one session: one figure per process, in MB."""

    def __init__(self, leader: int):
        super().__init__(daemon=True)
        self.leader, self.peaks, self.ended = leader, {}, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            for entry in os.listdir("/proc"):
                if not entry.isdigit():
                    continue
                try:
                    fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
                    if int(fields[3]) != self.leader:
                        continue
                    status = pathlib.Path(f"/proc/{entry}/status").read_text()
                except (OSError, IndexError, ValueError):
                    continue
                for line in status.splitlines():
                    if line.startswith("VmHWM"):
                        self.peaks[int(entry)] = int(line.split()[1]) / 1024


def timed(command: list, limit_bytes: int | None = None) -> dict:
    def before() -> None:
        if limit_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))

    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=before)
    memory = PeakMemory(process.pid)
    memory.start()
    output = process.communicate()[0]
    seconds = time.monotonic() - started
    memory.ended.set()
    memory.join()
    if process.returncode != 0:
        return {"failed": output.strip().splitlines()[-1] if output.strip() else f"exit {process.returncode}"}
    return {"seconds": seconds, "largest_process_mb": round(max(memory.peaks.values(), default=0)),
            "sum_mb": round(sum(memory.peaks.values()))}


def make_inputs(folder: pathlib.Path, model: str, count: int) -> pathlib.Path:
    import numpy as np

    sys.path.insert(0, str(HERE))
    import networks

    if not (folder / f"{model}.onnx").exists():
        networks.make(model, str(folder / f"{model}.onnx"))
    data = folder / f"{'ids' if model == 'encoder' else 'images'}{count}.npz"
    if not data.exists():
        generator = np.random.default_rng(0)
        if model == "encoder":
            np.savez(data, ids=generator.integers(0, 8192, (count, 128), dtype=np.int64))
        else:
            np.savez(data, x=generator.standard_normal((count, 3, 224, 224), dtype=np.float32))
    return data


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tare", required=True)
    parser.add_argument("--models", nargs="*", default=["resnet50", "mobilenetv2", "encoder"])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--percentile-images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--folder", type=pathlib.Path, help="keep models and images here between runs")
    parser.add_argument("--methods", nargs="*", default=["minmax", "percentile"], choices=["minmax", "percentile"])
    parser.add_argument("--memory-only", action="store_true", help="only Tare, at 64 and --images images")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for model in arguments.models:
            data = make_inputs(folder, model, arguments.images)
            measure(arguments, folder, data, model, pathlib.Path(scratch))
    return 0


def measure(arguments: argparse.Namespace, folder: pathlib.Path, data: pathlib.Path, model: str, scratch: pathlib.Path) -> None:
    source = str(folder / f"{model}.onnx")

    def tare(observer: str, count: int) -> dict:
        return timed([arguments.tare, "calibrate", source, "--data", str(data), "--samples", str(count), "--observer",
                      observer, "--workers", arguments.workers, "--output", str(scratch / "tare.onnx")])

    def onnxruntime(method: str, count: int) -> dict:
        return timed([sys.executable, "-c", QUANTIZE_WITH_ONNXRUNTIME, source, str(data), str(scratch / "ort.onnx"), method,
                      str(count)], limit_bytes=16 << 30)

    if arguments.memory_only:
        for count in (64, arguments.images):
            print(json.dumps({"model": model, "images": count} | tare("histogram", count)), flush=True)
        return
    for observer, method, count in (
        ("minmax", "MinMax", arguments.images),
        ("percentile", "Percentile", arguments.percentile_images),
    ):
        if observer not in arguments.methods:
            continue
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(tare(observer, arguments.images))
            theirs.append(onnxruntime(method, count))
        report(model, "Tare " + observer, arguments.images, ours)
        report(model, "ONNX Runtime " + method, count, theirs)
        if all("seconds" in run for run in ours + theirs):
            ratios = [
                (arguments.images / a["seconds"]) / (count / b["seconds"]) for a, b in zip(ours, theirs)
            ]
            print(f"{model:12} ratio of images/s {observer}: median {statistics.median(ratios):.2f} "
                  f"(min {min(ratios):.2f}, max {max(ratios):.2f})", flush=True)


def report(model: str, tool: str, count: int, runs: list) -> None:
    good = [run for run in runs if "seconds" in run]
    if not good:
        print(f"{model:12} {tool:26} {count:5} images: FAILED: {runs[0]['failed']}", flush=True)
        return
    seconds = statistics.median(run["seconds"] for run in good)
    print(f"{model:12} {tool:26} {count:5} images: {seconds:7.2f} s, {count / seconds:7.1f} images/s, largest process "
          f"{max(run['largest_process_mb'] for run in good)} MB, all processes {max(run['sum_mb'] for run in good)} MB",
          flush=True)


if __name__ == "__main__":
    sys.exit(main())
