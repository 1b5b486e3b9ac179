"""Accuracy after quantization-aware training where calibration alone does not do, measured in ONNX Runtime.

Two hard cases on Fashion-MNIST: fmnist_mobile in 8 bits per tensor, and fmnist_resnet with 4-bit weights and activations; its
input, first convolution and classifier have 8 bits. Each is calibrated (PTQ) and trained (QAT) on the 2,048 training images,
whose labels are not used: the float model is the teacher. The 10,000 test images are evaluated once for each row and choose
nothing; the settings were chosen by the divergence from the float model on the last 512 training images, training on the
others. PTQ in 4 bits is a QAT model that stays where it is: its scales are observed, its rate is next to 0.

    .venv/bin/python Benchmarks/accuracy/qat.py --tare .build-release/release/tare --shared ../shared
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from fashion_mnist import DEVIATION, MEAN, logits, read_idx

COMMON = ["--batch-size", "128", "--micro-batches", "2", "--distill", "1", "--batch-norm-epochs", "0"]
TRAINED = COMMON + ["--augment", "flip,shift=1", "--schedule", "cosine"]
ADAM = ["--optimizer", "adam", "--weight-decay", "0"]
# Rows whose model goes through `tare equalize` first.
EQUALIZED = "equalize, "
RESTING = COMMON + ["--epochs", "1", "--learning-rate", "1e-12"]


def ends(recipe: str) -> list[str]:
    """The input, the first convolution and the classifier in 8 bits."""
    return ["--qconfig-for", *(f"{module}={recipe}" for module in ["Linear", "image.quant", "c0"])]


ROWS = [
    ("fmnist_mobile", "int8 per tensor", "PTQ minmax", "calibrate", [
        "--observer", "minmax", "--weight-granularity", "per-tensor"]),
    ("fmnist_mobile", "int8 per tensor", "QAT ema_fakequant", "finetune", TRAINED + ADAM + [
        "--epochs", "15", "--learning-rate", "0.0005"]),
    ("fmnist_mobile", "int8 per tensor", EQUALIZED + "PTQ minmax", "calibrate", [
        "--observer", "minmax", "--weight-granularity", "per-tensor"]),
    ("fmnist_mobile", "int8 per tensor", EQUALIZED + "QAT ema_fakequant", "finetune", TRAINED + ADAM + [
        "--epochs", "15", "--learning-rate", "0.0005"]),
    ("fmnist_resnet", "int4, ends int8", "PTQ ema_lowbit", "finetune", RESTING + [
        "--qconfig", "ema_lowbit_fakequant"] + ends("ema_fakequant")),
    ("fmnist_resnet", "int4, ends int8", "QAT ema_lowbit", "finetune", TRAINED + [
        "--qconfig", "ema_lowbit_fakequant", "--epochs", "30", "--learning-rate", "0.015", "--warm-up", "32",
        "--observer-epochs", "5"] + ends("ema_fakequant")),
    ("fmnist_resnet", "int4, ends int8", "QAT LSQ", "finetune", TRAINED + [
        "--qconfig", "lsq_int4", "--epochs", "30", "--learning-rate", "0.015", "--warm-up", "32"] + ends("lsq")),
    ("fmnist_resnet", "int4, ends int8", "QAT TQT", "finetune", TRAINED + [
        "--qconfig", "tqt_int4", "--epochs", "30", "--learning-rate", "0.015", "--warm-up", "32"] + ends("lsq")),
]


def accuracy(model: str, images: np.ndarray, labels: np.ndarray) -> float:
    return 100 * float((logits(model, images).argmax(1) == labels).mean())


def run(words: list[str]) -> None:
    completed = subprocess.run(words, capture_output=True, text=True)
    if completed.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{completed.stdout}{completed.stderr}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tare", required=True, help="the tare executable")
    parser.add_argument("--shared", type=pathlib.Path, required=True, help="folder with models/ and data/")
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--json", action="store_true", help="print one JSON object per row")
    arguments = parser.parse_args()

    data = arguments.shared / "data/fashion-mnist"
    images, training = (
        ((read_idx(data / f"{name}-images-idx3-ubyte.gz")[:, None] / np.float32(255) - MEAN) / DEVIATION).astype(np.float32)
        for name in ["t10k", "train2k"])
    labels = read_idx(data / "t10k-labels-idx1-ubyte.gz")
    floats: dict[str, float] = {}
    if not arguments.json:
        print(f"{'model':14} {'bits':16} {'method':28} {'float':>6} {'top-1':>6} {'lost':>6} {'seconds':>8}")
    with tempfile.TemporaryDirectory() as folder:
        samples = str(pathlib.Path(folder) / "train.npz")
        np.savez(samples, image=training)
        for model, bits, method, command, options in ROWS:
            if arguments.rows not in f"{model} {bits} {method}":
                continue
            source = str(arguments.shared / "models" / f"{model}.onnx")
            if model not in floats:
                floats[model] = accuracy(source, images, labels)
            output = str(pathlib.Path(folder) / "quantized.onnx")
            start = time.monotonic()
            if method.startswith(EQUALIZED):
                equalized = str(pathlib.Path(folder) / "equalized.onnx")
                run([arguments.tare, "equalize", source, "--data", samples, "--output", equalized])
                source = equalized
            run([
                arguments.tare, command, source, "--data", samples, "--workers", arguments.workers, "--output", output,
                *options])
            seconds = time.monotonic() - start
            row = {
                "model": model, "bits": bits, "method": method, "float": floats[model],
                "top1": accuracy(output, images, labels), "seconds": round(seconds, 1)}
            if arguments.json:
                print(json.dumps(row), flush=True)
                continue
            print(
                f"{model:14} {bits:16} {method:28} {row['float']:6.2f} {row['top1']:6.2f} "
                f"{row['float'] - row['top1']:6.2f} {seconds:8.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
