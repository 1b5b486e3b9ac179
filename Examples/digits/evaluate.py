#!/usr/bin/env python3
"""Accuracy, size and signal-to-noise ratio of ONNX models on the same images.

    python evaluate.py digits.onnx                       one model
    python evaluate.py digits.onnx quantized.onnx        the first is the reference
    python evaluate.py --json digits.onnx quantized.onnx
    python evaluate.py --data other.npz MODEL.onnx

Every model gets the array `image` of the data file as its input `image`. Its
output `logits` (or its only output) is compared with the array `label`, and for
every model after the first with the first model's logits:

    SQNR = 10 log10( sum of reference^2 / sum of (reference - model)^2 )   in dB

6 dB more is half the error; equal logits have an infinite SQNR. The size is that
of the .onnx file alone, without external data files it may refer to.

Exit codes: 0 done; 2 wrong usage; 65 a file that cannot be used; 66 a missing
file, or onnxruntime (or numpy) is not installed.
"""

import argparse
import json
import math
import sys
import zipfile
import zlib
from pathlib import Path

EXIT_BAD_DATA = 65      # EX_DATAERR of sysexits.h
EXIT_NO_INPUT = 66      # EX_NOINPUT


class UserError(Exception):
    """Something the user can put right: reported without a traceback."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


try:
    import numpy as np
    import onnxruntime
except ImportError as error:
    # Reported in main(), so that --help works without them.
    np = onnxruntime = None
    IMPORT_ERROR = error
else:
    IMPORT_ERROR = None


def existing_file(path):
    if not path.exists():
        raise UserError(f"{path}: no such file", EXIT_NO_INPUT)
    if not path.is_file():
        raise UserError(f"{path}: not a file", EXIT_NO_INPUT)
    return path


def load_data(path):
    """The arrays (image, label) of an .npz file."""
    existing_file(path)
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: not an .npz file", EXIT_BAD_DATA)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: cannot be read as .npz: {error}", EXIT_BAD_DATA) from None
    for name in ("image", "label"):
        if name not in arrays:
            raise UserError(f"{path}: no array `{name}` (found: "
                            f"{', '.join(sorted(arrays)) or 'nothing'})", EXIT_BAD_DATA)
    images, labels = arrays["image"], arrays["label"]
    if images.ndim < 1 or labels.shape != images.shape[:1] or len(images) == 0:
        raise UserError(f"{path}: `image` {list(images.shape)} and `label` "
                        f"{list(labels.shape)} do not pair up", EXIT_BAD_DATA)
    return images, labels


def run_model(path, images, batch):
    """The logits [N, classes] that the model computes for `images`.

    A model with a fixed batch size is run with that size, its last batch filled
    up by repeating the last image.
    """
    existing_file(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1        # the same sums in the same order every time
    options.log_severity_level = 3          # errors only
    try:
        session = onnxruntime.InferenceSession(str(path), options,
                                               providers=["CPUExecutionProvider"])
    except Exception as error:              # ONNX Runtime's errors share no narrower base
        raise UserError(f"{path}: ONNX Runtime cannot load it: {error}", EXIT_BAD_DATA) from None

    inputs = {value.name: value for value in session.get_inputs()}
    if set(inputs) != {"image"}:
        raise UserError(f"{path}: its only input must be `image` (found: "
                        f"{', '.join(inputs) or 'none'})", EXIT_BAD_DATA)
    outputs = [value.name for value in session.get_outputs()]
    if "logits" not in outputs and len(outputs) != 1:
        raise UserError(f"{path}: no output `logits` (found: {', '.join(outputs)})",
                        EXIT_BAD_DATA)
    output = "logits" if "logits" in outputs else outputs[0]

    shape = inputs["image"].shape
    if shape and isinstance(shape[0], int) and shape[0] > 0:
        batch = shape[0]

    results = []
    for start in range(0, len(images), batch):
        part = images[start:start + batch]
        used = len(part)
        if used < batch:
            part = np.concatenate([part, np.repeat(part[-1:], batch - used, axis=0)])
        try:
            result = session.run([output], {"image": part})[0]
        except Exception as error:
            raise UserError(f"{path}: ONNX Runtime cannot run it: {error}",
                            EXIT_BAD_DATA) from None
        if result.ndim != 2 or len(result) != batch:
            raise UserError(f"{path}: output `{output}` has shape {list(result.shape)}, "
                            f"expected [{batch}, classes]", EXIT_BAD_DATA)
        results.append(result[:used])
    return np.concatenate(results)


def sqnr_db(reference, logits):
    """Signal-to-quantization-noise ratio in dB; infinite for equal logits."""
    reference = reference.astype(np.float64)
    noise = np.square(reference - logits.astype(np.float64)).sum()
    if noise == 0:
        return math.inf
    signal = np.square(reference).sum()
    return 10.0 * math.log10(signal / noise) if signal > 0 else -math.inf


def evaluate(models, images, labels, batch):
    """One dictionary of figures per model; the first model is the reference."""
    rows = []
    reference = None
    for path in models:
        logits = run_model(path, images, batch)
        predicted = logits.argmax(axis=1)
        correct = int((predicted == labels).sum())
        row = {"model": str(path), "bytes": path.stat().st_size,
               "correct": correct, "images": len(labels), "accuracy": correct / len(labels)}
        if not np.isfinite(logits).all():
            raise UserError(f"{path}: its logits contain NaN or infinity", EXIT_BAD_DATA)
        if reference is None:
            reference = logits
        elif logits.shape != reference.shape:
            raise UserError(f"{path}: logits {list(logits.shape)}, but the first model has "
                            f"{list(reference.shape)}", EXIT_BAD_DATA)
        else:
            row["sqnr_db"] = sqnr_db(reference, logits)
            row["same_prediction"] = int((predicted == reference.argmax(axis=1)).sum())
        rows.append(row)
    return rows


def print_table(rows):
    width = max(len("model"), *(len(row["model"]) for row in rows))
    header = f"{'model':<{width}}  {'accuracy':>9}  {'correct':>9}  {'bytes':>9}"
    if len(rows) > 1:
        header += f"  {'SQNR':>9}  {'same class':>10}"
    print(header)
    for row in rows:
        correct = f"{row['correct']}/{row['images']}"
        line = (f"{row['model']:<{width}}  {100 * row['accuracy']:>7.2f} %  {correct:>9}  "
                f"{row['bytes']:>9}")
        if "sqnr_db" in row:
            same = f"{row['same_prediction']}/{row['images']}"
            line += f"  {row['sqnr_db']:>6.2f} dB  {same:>10}"
        elif len(rows) > 1:
            line += f"  {'reference':>9}  {'':>10}".rstrip()
        print(line)


def json_text(rows):
    """The rows as JSON, which has no infinity: an infinite SQNR becomes the string "inf"."""
    def plain(value):
        if isinstance(value, float) and math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return value

    return json.dumps([{key: plain(value) for key, value in row.items()} for row in rows],
                      indent=2, ensure_ascii=False)


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main():
    parser = argparse.ArgumentParser(
        description="Accuracy, size and signal-to-noise ratio of ONNX models on the same images.",
        epilog="SQNR (dB) and `same class` compare the logits with those of the first model.")
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--data", type=Path, metavar="FILE.npz",
                        default=Path(__file__).resolve().parent / "evaluation.npz",
                        help="arrays `image` and `label` (default: evaluation.npz next to "
                             "this script)")
    parser.add_argument("--batch", type=positive, default=1, metavar="N",
                        help="images per run (default 1: then a model that quantizes its "
                             "activations dynamically takes its range from one image)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()

    try:
        if IMPORT_ERROR is not None:
            raise UserError(f"{IMPORT_ERROR}; install with: pip install onnxruntime numpy",
                            EXIT_NO_INPUT)
        for path in arguments.models:       # before time goes into the first of them
            existing_file(path)
        images, labels = load_data(arguments.data)
        rows = evaluate(arguments.models, images, labels, arguments.batch)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    if arguments.json:
        print(json_text(rows))
    else:
        print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
