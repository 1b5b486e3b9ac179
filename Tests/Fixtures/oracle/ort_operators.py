"""Writes a model of the operators that ONNX Runtime's quantizer knows and the trained models do not have.

Argument: where it goes.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

generator = np.random.default_rng(3)


def noise(name, *extents):
    return numpy_helper.from_array(generator.standard_normal(extents).astype(np.float32), name)


initializers = [
    noise("weights", 4, 3, 3, 3), noise("bias", 4), noise("scale", 4), noise("shift", 4), noise("addend", 4, 1, 1),
    numpy_helper.from_array(generator.integers(0, 6, [2, 4, 6, 5]), "places"),
    numpy_helper.from_array(np.array([3]), "count"), numpy_helper.from_array(np.array(2), "axis"),
    numpy_helper.from_array(np.array(0.5, np.float32), "limit"), noise("features", 3, 5),
]
nodes = [
    helper.make_node("Conv", ["x", "weights", "bias"], ["c"], name="conv", pads=[1, 1, 1, 1]),
    helper.make_node("InstanceNormalization", ["c", "scale", "shift"], ["n"], name="normalization"),
    helper.make_node("GatherElements", ["n", "places"], ["g"], name="gather", axis=3),
    helper.make_node("TopK", ["g", "count"], ["t", "order"], name="top", axis=3),
    helper.make_node("CumSum", ["t", "axis"], ["s"], name="sums"),
    helper.make_node("Add", ["s", "addend"], ["a"], name="moved"),
    helper.make_node("Greater", ["s", "limit"], ["above"], name="above"),
    helper.make_node("Where", ["above", "s", "a"], ["chosen"], name="choice"),
    helper.make_node("Where", ["above", "s", "limit"], ["half"], name="constant_choice"),
    helper.make_node("Mul", ["chosen", "half"], ["m"], name="product"),
    helper.make_node("MatMul", ["m", "features"], ["y"], name="head"),
    helper.make_node("ArgMax", ["m"], ["best"], name="best", axis=3, keepdims=0),
]
graph = helper.make_graph(
    nodes, "operators", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 6, 6])],
    [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4, 6, 5]),
        helper.make_tensor_value_info("best", TensorProto.INT64, [2, 4, 6]),
    ], initializers)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, sys.argv[1])
