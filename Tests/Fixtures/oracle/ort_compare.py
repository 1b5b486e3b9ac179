"""Compares two quantized ONNX models node by node and constant by constant, and runs both.

Arguments: our model, ONNX Runtime's model. Prints one JSON object.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

models = [onnx.load(path) for path in sys.argv[1:3]]


def signatures(model):
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    result = set()
    for node in model.graph.node:
        text = f"{node.op_type} {node.name} ({', '.join(node.input)}) -> ({', '.join(node.output)})"
        if node.op_type == "DequantizeLinear" and list(constants[node.input[1]].dims) not in ([], [1]):
            text += f" axis {[a.i for a in node.attribute if a.name == 'axis']}"
        result.add(text)
    return result


def constants(model):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def run(path, optimised, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


onnx.checker.check_model(models[0], full_check=True)
ours, theirs = (signatures(model) for model in models)
our_constants, their_constants = (constants(model) for model in models)
different = []
for name in sorted(our_constants.keys() | their_constants.keys()):
    if name not in their_constants:
        different.append(f"only ours: {name}")
    elif name not in our_constants:
        different.append(f"only theirs: {name}")
    else:
        first, second = our_constants[name], their_constants[name]
        if first.dtype != second.dtype or not np.array_equal(first.reshape(-1), second.reshape(-1)):
            different.append(f"{name}: {first.dtype} {first.reshape(-1)[:4]} and {second.dtype} {second.reshape(-1)[:4]}")
generator = np.random.default_rng(11)
feeds = {
    value.name: generator.standard_normal([d.dim_value or 2 for d in value.type.tensor_type.shape.dim]).astype(np.float32)
    for value in models[0].graph.input
}
difference = {}
for optimised in (True, False):
    results = [run(path, optimised, feeds) for path in sys.argv[1:3]]
    difference["optimised" if optimised else "plain"] = max(
        float(np.abs(first - second).max()) for first, second in zip(*results))
print(json.dumps({
    "onlyOurs": sorted(ours - theirs), "onlyTheirs": sorted(theirs - ours), "constants": different,
    "nodes": len(models[0].graph.node), "difference": difference,
}))
