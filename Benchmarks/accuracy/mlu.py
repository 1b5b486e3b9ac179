"""The MLU flow from end to end: generate, save, load in a fresh process, run on both backends, compare with the float model.

For each model and each of int8 per tensor, int8 per channel and int16: `tare calibrate --qconfig mlu --state-dict FILE.pth`,
then `tare run --state-dict FILE.pth` on the eager and on the traced backend, in processes of their own. Prints the
relative L2 distance of the outputs to those of `tare run --backend cpu`, the
top-1 accuracy on Fashion-MNIST's test images where the model is one of its classifiers, and whether both backends agree.

    .venv/bin/python Benchmarks/accuracy/mlu.py --tare .build-release/release/tare --shared ../shared
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from fashion_mnist import DEVIATION, MEAN, read_idx

SCHEMES = {
    "int8": ["--qconfig", "mlu"],
    "int8 per channel": ["--qconfig", "mlu", "--per-channel"],
    "  with use_avg": ["--qconfig", "mlu", "--per-channel", "--use-avg"],
    "int16": ["--qconfig", "mlu-int16"],
}
# The guide's software asks for 0.02 of single layers; errors of 20 int8 layers add up.
LIMITS = {"int8": 0.05, "int8 per channel": 0.04, "  with use_avg": 0.04, "int16": 0.0005}


def fashion_mnist(folder: pathlib.Path, name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = read_idx(folder / f"{name}-images-idx3-ubyte.gz")[:count]
    images = ((pixels.astype(np.float32) / 255 - MEAN) / DEVIATION)[:, None]
    return images, read_idx(folder / f"{name}-labels-idx1-ubyte.gz")[:count].astype(np.int64)


def tare(program: str, *words: str) -> None:
    done = subprocess.run([program, *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr}")


def outputs(program: str, folder: pathlib.Path, *words: str) -> np.ndarray:
    path = folder / "outputs.npz"
    tare(program, "run", *words, "--output", str(path))
    with np.load(path) as arrays:
        return arrays[arrays.files[0]].astype(np.float64)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tare", required=True, help="the tare executable")
    parser.add_argument("--shared", type=pathlib.Path, required=True, help="folder with models/, data/ and goldens/")
    parser.add_argument("--models", nargs="*", default=["fmnist_resnet", "cifar_resnet20"])
    parser.add_argument("--samples", type=int, default=2048, help="calibration images")
    parser.add_argument("--images", type=int, default=10000, help="test images")
    arguments = parser.parse_args()
    failed = False
    print(f"{'model':16}{'scheme':18}{'rel. L2':>10}{'limit':>9}{'top-1':>9}{'float':>9}  backends")
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            path = arguments.shared / "models" / f"{model}.onnx"
            golden = np.load(arguments.shared / "goldens" / f"{model}.npz")
            key = next(k for k in golden.files if k.startswith("in_"))
            test, labels, calibration = golden[key], None, golden[key]
            if model.startswith("fmnist"):
                data = arguments.shared / "data" / "fashion-mnist"
                test, labels = fashion_mnist(data, "t10k", arguments.images)
                calibration, _ = fashion_mnist(data, "train2k", arguments.samples)
            np.savez(folder / "test.npz", **{key[3:]: test})
            np.savez(folder / "calibration.npz", **{key[3:]: calibration})
            test_words = ["--input", str(folder / "test.npz")]
            reference = outputs(arguments.tare, folder, str(path), *test_words)
            for scheme, options in SCHEMES.items():
                state = str(folder / "state.pth")
                pathlib.Path(state).unlink(missing_ok=True)
                tare(arguments.tare, "calibrate", str(path), "--data", str(folder / "calibration.npz"), "--output",
                     str(folder / "quantized.onnx"), "--state-dict", state, *options)
                results = [
                    outputs(arguments.tare, folder, str(path), "--state-dict", state, *test_words, "--backend", backend)
                    for backend in ("cnnl", "magicmind")
                ]
                distance = max(np.linalg.norm(r - reference) / np.linalg.norm(reference) for r in results)
                failed |= bool(distance > LIMITS[scheme])
                share = "" if labels is None else f"{100 * (results[0].argmax(1) == labels).mean():.2f} %"
                float_share = "" if labels is None else f"{100 * (reference.argmax(1) == labels).mean():.2f} %"
                same = "same bits" if np.array_equal(*results) else f"differ by {np.abs(results[0] - results[1]).max():.2e}"
                print(f"{model:16}{scheme:18}{distance:10.6f}{LIMITS[scheme]:9}{share:>9}{float_share:>9}  {same}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
