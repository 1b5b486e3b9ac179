"""Writes every single-operator case of ONNX's backend tests to a folder, with ONNX Runtime's verdict on each.

The folder gets `onnx-node/CATEGORY/CASE/model.onnx`, `test_data_set_0/*.pb` and `index.json`; `make conformance` runs Tare on them.
Needs the pip packages onnx and onnxruntime. The cases are made by the onnx package and are not part of this repository.
"""
import argparse
import json
import pathlib
import re
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

# What ONNX Runtime 1.31 reads.
NEWEST_OPSET = 26


def category(operator: str, domain: str) -> str:
    """The folder of ONNX's definitions that has the operator: math, nn, reduction, ..."""
    if not onnx.defs.has(operator, domain):
        return "function"
    return pathlib.Path(onnx.defs.get_schema(operator, domain=domain).file).parent.name


def value(info: onnx.ValueInfoProto) -> list:
    """Name and type code; 0 for sequences, optionals and maps."""
    return [info.name, info.type.tensor_type.elem_type if info.type.HasField("tensor_type") else 0]


def verdict(model: onnx.ModelProto, case, inputs: list, outputs: list) -> str:
    """`pass`, `differs` or `refused`; a model that is refused is tried again at the newest opset that ONNX Runtime has."""
    older = onnx.ModelProto()
    older.CopyFrom(model)
    for imported in older.opset_import:
        if not imported.domain:
            imported.version = min(imported.version, NEWEST_OPSET)
    for candidate in [model, older]:
        try:
            session = onnxruntime.InferenceSession(candidate.SerializeToString(), providers=["CPUExecutionProvider"])
            results = session.run(None, {info.name: array for info, array in zip(model.graph.input, inputs)})
        except Exception:  # ONNX Runtime has many kinds of refusals, and each is one
            continue
        is_equal = all(same(result, expected, case.rtol, case.atol) for result, expected in zip(results, outputs))
        return "pass" if is_equal else "differs"
    return "refused"


def same(result, expected, rtol: float, atol: float) -> bool:
    if isinstance(expected, list):
        return len(result) == len(expected) and all(same(a, b, rtol, atol) for a, b in zip(result, expected))
    if expected is None or result is None:
        return result is expected
    result, expected = np.asarray(result), np.asarray(expected)
    if result.shape != expected.shape or result.dtype != expected.dtype:
        return False
    if expected.dtype == object or expected.dtype.kind in "US":
        return bool((result == expected).all())
    if expected.dtype.kind in "fc":
        return bool(np.allclose(result, expected, rtol=rtol, atol=atol, equal_nan=True))
    return bool((result == expected).all())


def write(folder: pathlib.Path, case, values: list, prefix: str) -> None:
    for index, array in enumerate(values):
        if isinstance(array, TensorProto):
            tensor = array
        elif isinstance(array, (np.ndarray, np.generic)):
            tensor = numpy_helper.from_array(np.asarray(array))
        else:
            continue  # sequences and optionals, which the index marks with the type code 0
        (folder / f"{prefix}_{index}.pb").write_bytes(tensor.SerializeToString())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    onnxruntime.set_default_logger_severity(4)
    cases = [case for case in collect_testcases(None) if case.data_sets]
    operators = {case.name: case.model.graph.node[0] for case in cases if len(case.model.graph.node) == 1}
    index = []
    for number, case in enumerate(cases):
        # A case that is written out in primitive operators is one of the operator that it writes out.
        node = operators.get(re.sub(r"_expanded.*$", "", case.name), case.model.graph.node[-1])
        inputs, outputs = case.data_sets[0]
        folder = arguments.folder / "onnx-node" / category(node.op_type, node.domain) / case.name
        data = folder / "test_data_set_0"
        data.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        write(data, case, inputs, "input")
        write(data, case, outputs, "output")
        index.append({
            "name": case.name, "cat": folder.parent.name, "op": node.op_type,
            "ort": verdict(case.model, case, inputs, outputs), "rtol": case.rtol, "atol": case.atol,
            "inputs": [value(info) for info in case.model.graph.input],
            "outputs": [value(info) for info in case.model.graph.output],
        })
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {len(cases)}", end="", file=sys.stderr)
    (arguments.folder / "index.json").write_text(json.dumps(index))
    passed = sum(case["ort"] == "pass" for case in index)
    print(f"{len(index)} cases in {arguments.folder}; ONNX Runtime {onnxruntime.__version__} passes {passed}")
    return 0


sys.exit(main())
