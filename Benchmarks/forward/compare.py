"""Samples per second of forward-benchmark and of ONNX Runtime on one thread, interleaved; prints medians and ratios."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime as ort


def runtime_rate(model, batch, seconds):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(0)
    feeds = {}
    for value in session.get_inputs():
        shape = [n if isinstance(n, int) else (batch if i == 0 else 1) for i, n in enumerate(value.shape)]
        if "int64" in value.type:
            feeds[value.name] = generator.integers(0, 1000, shape)
        else:
            feeds[value.name] = generator.uniform(-1, 1, shape).astype(np.float32)
    end = time.monotonic() + seconds / 4
    while time.monotonic() < end:
        session.run(None, feeds)
    durations = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(durations) < 3:
        start = time.perf_counter()
        session.run(None, feeds)
        durations.append(time.perf_counter() - start)
    return batch / statistics.median(durations)


def tare_rate(binary, model, batch, seconds, extra):
    command = [binary, str(model), str(batch), "--seconds", str(seconds), *extra]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[0])["samples_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--models", default="/tmp/fbench", help="folder of ONNX models")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument("--observed", action="store_true", help="also with every convolution's output observed")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    models = sorted(pathlib.Path(arguments.models).glob("*.onnx"))
    if arguments.only:
        models = [model for model in models if model.stem in arguments.only]
    if not models:
        sys.exit(f"No ONNX models in {arguments.models}")
    for model in models:
        for batch in arguments.batches:
            ours, theirs, observed = [], [], []
            for _ in range(arguments.rounds):
                ours.append(tare_rate(arguments.binary, model, batch, arguments.seconds, []))
                theirs.append(runtime_rate(model, batch, arguments.seconds))
                if arguments.observed:
                    extra = ["--observe", "convolutions"]
                    observed.append(tare_rate(arguments.binary, model, batch, arguments.seconds, extra))
            ratio = statistics.median(a / b for a, b in zip(ours, theirs))
            line = (
                f"{model.stem} batch {batch}: tare {statistics.median(ours):.1f}/s, "
                f"onnxruntime {ort.__version__} {statistics.median(theirs):.1f}/s, ratio {ratio:.2f}"
            )
            if observed:
                line += f", observed {statistics.median(observed):.1f}/s"
            print(line, flush=True)


if __name__ == "__main__":
    main()
