"""Accuracy of Tare's int8 models on Fashion-MNIST, measured in ONNX Runtime, beside ONNX Runtime's own quantizer.

Calibrates each model with `tare calibrate` on the first 512 training images, for every observer and weight granularity,
and evaluates the float and the quantized model on the 10,000 test images: top-1, share of equal predictions, and the
signal-to-noise ratio of the logits against the float model. Rows of `--reference` (JSON lines made with
onnxruntime.quantization.quantize_static on the same images) are printed below.

    .venv/bin/python Benchmarks/accuracy/fashion_mnist.py --tare .build-release/release/tare --shared ../shared
"""

import argparse
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

OBSERVERS = ["minmax", "ema", "histogram", "percentile", "entropy", "mse"]
MEAN, DEVIATION = 0.2860, 0.3530


def read_idx(path: pathlib.Path) -> np.ndarray:
    raw = gzip.open(path).read()
    rank = raw[3]
    extents = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(extents)


def logits(model: str, images: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: images[i : i + 500]})[0] for i in range(0, len(images), 500)])


def scores(reference: np.ndarray, quantized: np.ndarray, labels: np.ndarray) -> dict:
    noise = np.square(reference.astype(np.float64) - quantized).sum()
    signal = np.square(reference.astype(np.float64)).sum()
    return {
        "top1": float((quantized.argmax(1) == labels).mean()),
        "agree": float((quantized.argmax(1) == reference.argmax(1)).mean()),
        "sqnr_db": round(float(10 * np.log10(signal / noise)), 2) if noise > 0 else float("inf"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tare", required=True, help="the tare executable")
    parser.add_argument("--shared", type=pathlib.Path, required=True, help="folder with models/, data/ and reference/")
    parser.add_argument("--models", nargs="*", default=["fmnist_resnet", "fmnist_mobile"])
    parser.add_argument("--observers", nargs="*", default=OBSERVERS)
    parser.add_argument("--granularities", nargs="*", default=["per-channel", "per-tensor"])
    parser.add_argument("--workers", default="2")
    parser.add_argument("--option", nargs="*", default=[], help="further options for tare calibrate, without --")
    parser.add_argument("--json", action="store_true", help="print one JSON object per row")
    arguments = parser.parse_args()

    data = arguments.shared / "data/fashion-mnist"
    test = ((read_idx(data / "t10k-images-idx3-ubyte.gz")[:, None] / np.float32(255) - MEAN) / DEVIATION).astype(np.float32)
    labels = read_idx(data / "t10k-labels-idx1-ubyte.gz")
    reference_rows = [
        json.loads(line) for line in (arguments.shared / "reference/ptq_reference.jsonl").read_text().splitlines()
    ]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        preprocess = pathlib.Path(folder) / "preprocess.yaml"
        preprocess.write_text(f"layout: nchw\nscale: 1/255\nmean: {MEAN}\nstd: {DEVIATION}\n")
        for model in arguments.models:
            source = str(arguments.shared / "models" / f"{model}.onnx")
            reference = logits(source, test)
            rows.append({"model": model, "observer": "float32", "top1": float((reference.argmax(1) == labels).mean())})
            for granularity in arguments.granularities:
                for observer in arguments.observers:
                    output = os.path.join(folder, "int8.onnx")
                    command = [
                        arguments.tare, "calibrate", source,
                        "--data", str(data / "train2k-images-idx3-ubyte.gz"), "--preprocess", str(preprocess),
                        "--samples", "512", "--observer", observer, "--weight-granularity", granularity,
                        "--workers", arguments.workers, "--output", output,
                    ] + ["--" + option for option in arguments.option]
                    completed = subprocess.run(command, capture_output=True, text=True)
                    if completed.returncode != 0:
                        sys.stderr.write(f"{' '.join(command)}\n{completed.stdout}{completed.stderr}")
                        return 1
                    row = {"model": model, "granularity": granularity, "observer": observer}
                    row |= scores(reference, logits(output, test), labels) | {"bytes": os.path.getsize(output)}
                    rows.append(row)
                    if arguments.json:
                        print(json.dumps(row), flush=True)
    if not arguments.json:
        print(f"{'model':14} {'quantizer':14} {'weights':12} {'observer':16} {'top-1':>7} {'agree':>7} {'SQNR dB':>8} {'bytes':>8}")
        for row in rows:
            print_row(row, "Tare", row["observer"], row.get("granularity", ""))
        for row in reference_rows:
            model = row["model"].removesuffix(".onnx")
            if model in arguments.models and "per_channel" in row and "top1" in row:
                print_row(
                    row | {"model": model}, "ONNX Runtime", row["method"],
                    "per-channel" if row["per_channel"] else "per-tensor")
    return 0


def print_row(row: dict, quantizer: str, observer: str, granularity: str) -> None:
    agree = f"{row['agree']:.4f}" if "agree" in row else ""
    sqnr = f"{row['sqnr_db']:.2f}" if "sqnr_db" in row else ""
    print(
        f"{row['model']:14} {quantizer:14} {granularity:12} {observer:16} {row['top1']:7.4f} {agree:>7} {sqnr:>8} "
        f"{row.get('bytes', ''):>8}")


if __name__ == "__main__":
    sys.exit(main())
